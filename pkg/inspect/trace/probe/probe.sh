# Runs probes at once and prints the outcome of each in lines of its own. It is fixed: everything that differs is an argument.
# $1 is the mark that begins each line, $2 how many probes run at once, $3 how many bytes of each are kept, $4 the checks
# that are wanted; then ten words for each probe. See frame.go for the lines and words.go for the words. The lines of a
# probe are held back until it has ended, and sealed: the function that does is put in for ": seal".
export LC_ALL=C PATH="$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
: seal
mark=$1 lanes=$2 most=$3 checks=$4
shift 4
exec 3>&1
chunk=????????????????????????????????????????????????????????????????
chunk=$chunk$chunk$chunk$chunk

has() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s %s %s %s\n' "$mark" "$index" "$1" "$2" >&3; }

# copy LAST MORE repeats what it reads, each line behind the mark and a long one in pieces that a pipe takes whole.
# MORE marks a piece that goes on, LAST the end of a line. What is too much is read and dropped.
copy() {
  left=$most
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in "$mark "*) say "$1" "$line"; continue ;; esac
    while [ "$left" -gt 0 ] && [ ${#line} -gt 256 ]; do
      printf '%s %s %s %.256s\n' "$mark" "$index" "$2" "$line" >&3
      line=${line#$chunk} left=$((left - 256))
    done
    if [ "$left" -gt 0 ]; then say "$1" "$line"; else dropped=1; fi
    left=$((left - ${#line} - 16))
  done
  if [ -n "$dropped" ]; then say cut ""; fi
}

# run TOOL COMMAND… runs a command. Its exit code comes last, when all of its output has.
run() {
  announce "$@"
  shift
  code=$({ { $limit "$@" </dev/null 2>&1 3>&- 4>&-; echo $? >&4; } | copy o O; } 4>&1)
  say exit "$code"
}

# run_apart does so with the two outputs kept apart. The first is a server's, which may go on for ever and in one line:
# the command is stopped when that is more than is kept.
run_apart() {
  announce "$@"
  shift
  code=$({ { { $limit "$@" </dev/null 2>&5 3>&- 4>&- 5>&-; echo $? >&4; } | begin; } 5>&1 | copy e E; } 4>&1)
  say exit "$code"
}

begin() { if [ -n "$head" ]; then head -c $((most * 2)) | copy o O; else copy o O; fi; }

announce() {
  say tool "$1"
  shift
  say run "$*"
}

# within SECONDS has run give up after as many, where the image can do so. It is for tools that do not themselves.
within() { if [ -n "$timeout" ]; then limit="timeout -s KILL $1"; fi; }

ping_() {
  cmd=ping only=
  if [ "$fam" = 6 ]; then
    if has ping6; then cmd=ping6; else only=-6; fi
  elif [ "$byname" = 1 ] && [ "$ping" != inetutils ]; then only=-4; fi
  if ! has "$cmd"; then say none; return; fi
  case $ping in
  iputils)
    if [ "$size" -gt 0 ]; then set -- -M do -s "$size"; else set --; fi
    run "iputils ping" $cmd $only -n -c "$count" -i 0.2 -W "$secs" "$@" "$to" ;;
  '') say none ;;
  *)
    if [ "$size" -gt 0 ]; then say cannot "$ping ping cannot forbid fragmentation"; return; fi
    run "$ping ping" $cmd $only -c "$count" $interval -W "$secs" "$to" ;;
  esac
}

tcp_() {
  if [ "$byname" = 1 ]; then
    case $nc in
    openbsd | ncat) run "$nc nc" nc "-$fam" -v -z -w "$secs" "$to" "$port" ;;
    *) if has curl; then telnet; else say none; fi ;;
    esac
    return
  fi
  case $nc$fam in
  openbsd? | ncat? | traditional4) run "$nc nc" nc -n -v -z -w "$secs" "$to" "$port" ;;
  busybox?) run "busybox nc" sh -c 'nc -z -w "$0" "$1" "$2" && echo connected' "$secs" "$to" "$port" ;;
  *)
    if [ -n "$timeout" ] && has bash; then
      within $((secs + 1))
      run bash bash -c 'exec 9<>"/dev/tcp/$0/$1" && echo connected' "$to" "$port"
    elif has curl; then telnet; else say none; fi ;;
  esac
}

telnet() { address; fetch "telnet://$host:$port"; }

address() { host=$to; case $to in *:*) host="[$to]" ;; esac; }

# fetch URL has curl say more than its exit code, in a last line that no server can forge.
fetch() {
  run_apart curl curl -q -v -sS -g "-$fam" --noproxy '*' --connect-timeout "$secs" -m "$secs" -o - \
    -w "%{stderr}\\n$mark code=%{http_code} ip=%{remote_ip} dns=%{time_namelookup} connect=%{time_connect}\\n" "$1"
}

http_() {
  address
  url="http://$host:$port${server:-/}" # the word of the DNS server is the path here
  if has curl; then
    fetch "$url"
    return
  fi
  within $((secs * 2 + 2))
  if [ "$wget" = GNU ]; then
    run_apart "GNU wget" wget "-$fam" -S -O - -T "$secs" -t 1 --no-proxy --max-redirect=0 "$url"
  elif [ -n "$wget" ] && [ "$byname" = 0 ]; then
    run_apart "busybox wget" wget -O - -T "$secs" -Y off "$url"
  elif [ -n "$wget" ]; then
    say cannot "busybox wget cannot be held to one family"
  else say none; fi
}

dns_() {
  type=A
  if [ "$fam" = 6 ]; then type=AAAA; fi
  if has dig; then
    run dig dig "+time=$secs" +tries=2 +noall +comments +answer +stats $search ${server:+"@$server"} -q "$to" -t $type
  elif has nslookup; then
    within $((secs * 4))
    run nslookup nslookup "-timeout=$secs" -retry=1 -type=$type "$to" ${server:+"$server"}
  elif has host; then
    run host host -W "$secs" -R 2 -t $type "$to" ${server:+"$server"}
  elif has getent && [ -z "$server" ]; then
    within $((secs * 2 + 1))
    run getent getent "ahostsv$fam" "$to"
  else say none; fi
}

listen_() { run /proc sockets "$to"; }

# sockets PORT prints the listening sockets of a port in hexadecimal, as the kernel has them, and how many segments of TCP had
# a wrong checksum.
sockets() {
  for table in tcp tcp6; do
    [ -r /proc/net/$table ] || continue
    echo "read $table"
    while read -r _ local _ state _; do
      case "$state $local" in "0A "*":$1") echo "$table $local" ;; esac
    done </proc/net/$table
  done
  only=0
  read -r only </proc/sys/net/ipv6/bindv6only
  echo "bindv6only $only"
  [ -r /proc/net/snmp ] || return 0
  while read -r line; do
    case $line in "Tcp: "*[0-9]) echo "broken ${line##* }" ;; esac
  done </proc/net/snmp
}

own_() { run /proc own "$to" "$fam"; }

# own ADDRESS FAMILY says whether the pod's network holds an address, which is given as the kernel spells it, and whether it has a default
# route of the family.
own() {
  if [ "$2" = 6 ]; then
    while read -r address _ _ _ flags _; do
      if [ "$address" = "$1" ]; then echo "held $flags"; fi
    done </proc/net/if_inet6 || return
    while read -r dst length _ _ _ _ _ _ _ device; do
      if [ "$dst $length" = "00000000000000000000000000000000 00" ] && [ "$device" != lo ]; then echo default; fi
    done </proc/net/ipv6_route || return
  else
    found=
    while read -r line; do
      case $line in
      *"-- $1") found=1 ;;
      *"/32 host LOCAL") if [ -n "$found" ]; then echo "held 0"; fi; found= ;;
      *) found= ;;
      esac
    done </proc/net/fib_trie || return
    while read -r _ dst _ _ _ _ _ mask _; do
      if [ "$dst $mask" = "00000000 00000000" ]; then echo default; fi
    done </proc/net/route || return
  fi
  echo whole
}

# tell prints the lines of a probe one by one: a pipe takes each as a whole, among those of other lanes.
tell() {
  printf '%s\n' "$lines" | while IFS= read -r line; do printf '%s\n' "$line"; done >&3
}

lane() {
  lane=$1 n=0
  shift
  while [ $# -ge 10 ]; do
    if [ $((n % lanes)) -eq "$lane" ]; then
      index=$1 fam=$3 byname=$4 to=$5 port=$6 count=$7 size=$8 secs=$9
      probe=$2 server= search= limit= dropped=
      case ${10} in
      search) search=+search ;;
      *) server=${10} ;;
      esac
      lines=$(${probe}_ 3>&1)
      seal=$(seal "$lines")
      tell
      if [ -z "$seal" ]; then say again ""; tell; fi
      say seal "$seal"
    fi
    n=$((n + 1))
    shift 10
  done
}

timeout= head=
if timeout -s KILL 9 true; then timeout=1; fi >/dev/null 2>&1
if head -c 1 </dev/null; then head=1; fi >/dev/null 2>&1
ping= interval= nc= wget=
case $checks in *ping*)
  if has ping || has ping6; then
    case $({ ping -V || ping6 -V; } 2>&1 </dev/null) in
    *iputils*) ping=iputils ;;
    *inetutils*) ping=inetutils interval='-i 0.2' ;;
    *)
      ping=busybox
      case $(ping -c 1 -i 0.2 -W 1 127.0.0.1 2>&1 </dev/null) in *invalid* | *sage*) ;; *) interval='-i 0.2' ;; esac ;;
    esac
  fi ;;
esac
case $checks in *tcp*)
  if has nc; then
    case $(nc -h 2>&1 </dev/null) in
    *[Nn]cat\ [0-9]*) nc=ncat ;;
    *OpenBSD* | *\[-46*z*) nc=openbsd ;;
    *BusyBox*\ -z*) nc=busybox ;;
    *BusyBox*) ;;
    *\[v1.*) nc=traditional ;;
    esac
  fi ;;
esac
case $checks in *http*)
  if has wget; then
    case $(wget --version 2>&1 </dev/null) in *GNU*) wget=GNU ;; *) wget=busybox ;; esac
  fi ;;
esac
lanes_started=0
while [ "$lanes_started" -lt "$lanes" ] && [ "$lanes_started" -lt $(($# / 10)) ]; do
  lane "$lanes_started" "$@" &
  lanes_started=$((lanes_started + 1))
done
wait
printf '%s end\n' "$mark"
exit 0
