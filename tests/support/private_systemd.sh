# The inside of a private systemd: run as process 1 of new namespaces; see tests/support/private_systemd.py.
# $1: the folder with units, environment file and drop-ins; $2: the code; $3: two releases' names, joined by a comma.
set -euo pipefail
folder=$1 code=$2 releases=$3

mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/lock /run/etc /run/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work /etc
useradd --system --no-create-home --shell /usr/sbin/nologin basket
install -D -m 600 "$folder/basket.env" /etc/basket/basket.env
cp -r "$folder/units/." /run/systemd/system/

# systemd-run waits over D-Bus.
cp /lib/systemd/system/dbus.service /lib/systemd/system/dbus.socket /run/systemd/system/

# The code is needed after /opt and /var/lib are covered, and it may lie anywhere.
exec 9<"$code"
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /opt
for release in ${releases//,/ }; do
  mkdir "/opt/$release"
  mount --bind /proc/self/fd/9 "/opt/$release"
done
exec 9<&-
ln -s "${releases%%,*}" /opt/basket

umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd 2>/dev/null ||
  { umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup; }

export container=private SYSTEMD_UNIT_PATH=/run/systemd/system
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
