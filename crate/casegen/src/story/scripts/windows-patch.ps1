$ErrorActionPreference = 'Stop'
$session = New-Object -ComObject Microsoft.Update.Session
$found = $session.CreateUpdateSearcher().Search("IsInstalled=0 and Type='Software'")
Write-Output ("{0} updates found" -f $found.Updates.Count)
usoclient ScanInstallWait
Write-Output "patching done on $env:COMPUTERNAME"
