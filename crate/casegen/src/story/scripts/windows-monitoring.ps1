param([string]$Folder = 'C:\Monitoring')
New-Item -ItemType Directory -Path $Folder -Force | Out-Null
Set-Content -Path "$Folder\probe.json" -Value '{"interval": 60}'
Write-Output 'monitoring installed'
