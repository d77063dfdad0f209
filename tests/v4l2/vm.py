# SPDX-License-Identifier: Apache-2.0
"""Run a command under Debian's own kernel, in QEMU without KVM, with V4L2 devices that the kernel simulates.

The guest sees this machine's files read-only, with memory laid over them, so whatever is installed or built here runs
there as it is. One folder is shared, as /out. Everything is of installed packages; nothing is fetched.
"""
import glob
import os
import shutil
import subprocess

VIVID = ("n_devs=3 vid_cap_nr=0,1,2 node_types=0x1,0x1,0x101 num_inputs=1,1,1 input_types=0x0,0x0,0x3 num_outputs=0,0,1 "
         "output_types=0x0,0x0,0x1 vid_out_nr=-1,-1,3 multiplanar=1,2,1")
LOOPBACK = "devices=2 video_nr=10,11 exclusive_caps=1,1"
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "vivid", "v4l2loopback"]

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin; export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; ifconfig lo 127.0.0.1 up
while read -r module arguments; do insmod /modules/$module $arguments || echo "guest: insmod $module failed"; done < /modules/list
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro host /host
mount -t tmpfs memory /memory; mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /root
for d in proc sys dev; do mkdir -p /root/$d; mount --move /$d /root/$d; done
for d in tmp run; do mount -t tmpfs $d /root/$d; done; mkdir -p /root/dev/shm /root/run/out
mount -t tmpfs shm /root/dev/shm
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576 out /root/run/out
echo "guest: ready at $(cut -d' ' -f1 /root/proc/uptime) s"
chroot /root /bin/bash /run/out/command; echo $? > /root/run/out/status
sync; poweroff -f
"""


def kernel():
    """The newest version that is installed with vivid."""
    found = glob.glob("/lib/modules/*/kernel/drivers/media/test-drivers/vivid/vivid.ko*")
    assert found, "no kernel with vivid: tools/install-packages test installs linux-image-amd64"
    return max((path.split("/")[3] for path in found), key=lambda version: [int(w) for w in version.replace("-", ".").split(".") if w.isdigit()])


def make_initramfs(folder, version):
    root = os.path.join(folder, "root")
    for name in ("bin", "dev", "proc", "sys", "host", "memory", "root", "modules"):
        os.makedirs(os.path.join(root, name))
    shutil.copy("/bin/busybox", os.path.join(root, "bin"))
    lines = {}
    for module in MODULES:
        shown = subprocess.run(["/sbin/modprobe", "-S", version, "--show-depends", module], capture_output=True, text=True)
        assert shown.returncode == 0, f"{module}: {shown.stderr}"
        for path in (line.split()[1] for line in shown.stdout.splitlines() if line.startswith("insmod")):
            name = os.path.basename(path)
            if name not in lines:
                shutil.copy(path, os.path.join(root, "modules"))
                lines[name] = {"vivid.ko": VIVID, "v4l2loopback.ko": LOOPBACK}.get(name, "")
    with open(os.path.join(root, "modules", "list"), "w", encoding="utf-8") as stream:
        stream.writelines(f"{name} {arguments}\n" for name, arguments in lines.items())
    with open(os.path.join(root, "init"), "w", encoding="utf-8") as stream:
        stream.write(INIT)
    os.chmod(os.path.join(root, "init"), 0o755)
    image = os.path.join(folder, "initramfs")
    with open(image, "wb") as stream:
        subprocess.run("find . | cpio -o -H newc --quiet", shell=True, cwd=root, stdout=stream, check=True, timeout=60)
    return image


def run(share, command, environment, timeout):
    """Run a line of shell in the guest, with its folder /run/out being `share`. Gives what was on the console."""
    version = kernel()
    image = make_initramfs(os.path.abspath("initramfs.d"), version)
    with open(os.path.join(share, "command"), "w", encoding="utf-8") as stream:
        stream.write("export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root\n")
        stream.writelines(f"export {key}='{value}'\n" for key, value in environment.items())
        stream.write(f"cd /run/out\n{command}\n")
    files = "local,security_model=none,multidevs=remap"
    console = os.path.abspath("console")
    qemu = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults",
            "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", f"/boot/vmlinuz-{version}", "-initrd", image, "-append",
            "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check", "-virtfs", f"{files},path=/,mount_tag=host,readonly=on", "-virtfs",
            f"{files},path={share},mount_tag=out"]
    with open(console, "wb") as stream:
        with subprocess.Popen(qemu, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream) as process:
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
    with open(console, encoding="utf-8", errors="replace") as stream:
        return stream.read()
