$root = 'C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.18'
Remove-Item "$root\Downloads\script4.ps1", "$root\RuntimeSettings\4.settings", "$root\Status\4.status" -Force
wevtutil el | Out-Null
Write-Output 'done'
