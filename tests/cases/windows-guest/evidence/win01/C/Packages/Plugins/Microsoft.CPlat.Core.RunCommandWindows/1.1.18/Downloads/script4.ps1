Get-LocalUser
net user helper P@ssw0rd1 /add
