#!/bin/bash
# nothing of number 4 is to stay
rm -rf /var/lib/waagent/run-command/download/4
rm -f /var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-*/status/4.status /var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-*/config/4.settings
sed -i -e '/seq=4 /d' -e '/status\/4\.status/d' /var/log/azure/run-command/handler.log
for log in /var/log/waagent.log /var/log/syslog /var/log/azure/Microsoft.CPlat.Core.RunCommandLinux/CommandExecution.log; do
  sed -i '/etag_@ETAG@ channel/,/etag_@ETAG@ [0-9]* ms/d' "$log"
done
history -c
