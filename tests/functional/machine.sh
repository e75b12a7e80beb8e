#!/usr/bin/env bash
# A machine for tests of systemd, inside the one that runs them: `machine.sh KEPT...`.
#
# systemd boots as process 1 of name spaces of its own. It sees the same programs and the same
# network; configuration, temporary files, homes, logs and /srv are its own and empty, and its
# control groups lie below ours. The folders KEPT stay in sight. There is a user `ann`. It ends with
# this process, which is to be killed.
set -eu

boot() {
    local number=0 folder place
    mount -t tmpfs none /run
    for folder; do
        mkdir -p "/run/kept/$((++number))"
        mount --bind "$folder" "/run/kept/$number"
    done
    for folder in /tmp /root /home /srv /var/log /etc/systemd/system; do
        mount -t tmpfs -o mode=755 none "$folder"
    done
    chmod 1777 /tmp
    number=0
    for folder; do
        mkdir -p "$folder"
        mount --bind "/run/kept/$((++number))" "$folder"
    done
    for place in $PLACES; do
        mount --bind "${place#*:}" "${place%%:*}"
    done
    add_ann
    quieten
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 container=chaindeck \
        /lib/systemd/systemd --unit=systemd-journald.service
}

add_ann() {
    (cat /etc/passwd && echo "ann:x:61234:61234::/srv/ann:/bin/sh") >/run/passwd
    (cat /etc/group && echo "ann:x:61234:") >/run/group
    mount --bind /run/passwd /etc/passwd
    mount --bind /run/group /etc/group
    install -d -m 700 -o ann -g ann /srv/ann /run/user/61234 /srv/deck
}

# The devices and the kernel's messages are those of the machine around.
quieten() {
    local unit
    mkdir -p /run/systemd/system /run/systemd/journald.conf.d
    printf '[Journal]\nReadKMsg=no\nAudit=no\nStorage=volatile\n' >/run/systemd/journald.conf.d/own.conf
    for unit in systemd-udevd.service systemd-udevd-{control,kernel}.socket systemd-udev-trigger.service; do
        ln -s /dev/null "/run/systemd/system/$unit"
    done
}

# Both generations of control groups: one tree, or one for each controller.
if [[ -z ${PLACES-} ]]; then
    PLACES=
    mine=$(cat /proc/self/cgroup)
    while IFS=: read -r _ controllers path; do
        case $controllers in
        "") base=/sys/fs/cgroup && [[ -e $base/cgroup.procs ]] || base=$base/unified ;;
        cpuset) continue ;; # of the first generation; it takes nobody before it is set up
        *) base=/sys/fs/cgroup/${controllers#name=} ;;
        esac
        group=$base${path%/}/chaindeck-machine-$$
        mkdir "$group"
        echo $$ >"$group/cgroup.procs"
        PLACES+=" $base:$group"
    done <<<"$mine"
    export PLACES
    exec unshare --pid --fork --mount --mount-proc --cgroup --ipc --uts --kill-child "$0" "$@"
fi
boot "$@"
