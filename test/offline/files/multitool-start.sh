#!/bin/sh
# Makes the web server say which pod answers, then runs the command.
echo "Network MultiTool (Debian) - $(hostname) - $(hostname -I | xargs) - HTTP: 80" >/var/www/html/index.html
exec "$@"
