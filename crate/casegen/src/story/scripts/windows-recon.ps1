whoami /all
hostname
net localgroup administrators
ipconfig /all
Get-Service | Where-Object Status -eq Running | Select-Object -ExpandProperty Name
Get-ADDomain
