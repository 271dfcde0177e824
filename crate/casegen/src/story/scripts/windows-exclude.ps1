Add-MpPreference -ExclusionPath 'C:\ProgramData\FabricHost'
Set-MpPreference -SubmitSamplesConsent NeverSend
Write-Output 'ok'
