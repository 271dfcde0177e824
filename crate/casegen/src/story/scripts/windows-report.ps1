$volume = Get-Volume -DriveLetter C
$free = [math]::Round($volume.SizeRemaining / 1GB, 1)
Write-Output "free on C: $free GB"
Get-Service -Name ErpServer, W3SVC | ForEach-Object { Write-Output ("{0}: {1}" -f $_.Name, $_.Status) }
