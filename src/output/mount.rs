//! Whether a directory can be written to, and a lock in it keeps other machines away too.
//!
//! Linux says in `/proc/self/mountinfo` what a directory is on (man 5 proc): by its device or, where a
//! file system gives its parts devices of their own (Btrfs), by the mount point above it. Other systems
//! do not say, and nothing is rejected there.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access};

/// File systems that show the kernel's own state, and store no files.
const KERNELS: &[&str] = &[
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "debugfs",
    "tracefs",
    "securityfs",
    "configfs",
    "bpf",
    "devpts",
    "efivarfs",
    "pstore",
    "binfmt_misc",
    "fusectl",
    "mqueue",
];

/// File systems that other machines, or the host of a virtual machine, write to as well, and on which
/// `flock` reaches no further than this machine, or not even that far.
const UNTRUSTED: &[&str] = &[
    "nfs", // version 2 and 3: a helper protocol that is often off, and forgets at a restart
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "9p",
    "virtiofs",
    "vboxsf",
    "vmhgfs",
    "prl_fs",
    "drvfs",
    "beegfs",
    "lustre", // unless it is mounted with `flock`
    "fuse",   // a server in user space that does not even say its name
    "fuse.sshfs",
    "fuse.s3fs",
    "fuse.rclone",
    "fuse.gcsfuse",
    "fuse.mountpoint-s3",
    "fuse.goofys",
    "fuse.blobfuse",
    "fuse.blobfuse2",
    "fuse.davfs",
    "fuse.curlftpfs",
    "fuse.vmhgfs-fuse",
];

/// File systems whose locks are known to hold: those of one machine, and those of a cluster that keep
/// `flock` for all of it. Of FUSE's, those of a disk of this machine.
const TRUSTED: &[&str] = &[
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "bcachefs",
    "zfs",
    "f2fs",
    "jfs",
    "nilfs2",
    "reiserfs",
    "tmpfs",
    "ramfs",
    "overlay",
    "aufs",
    "ecryptfs",
    "vfat",
    "msdos",
    "exfat",
    "ntfs",
    "ntfs3",
    "hfs",
    "hfsplus",
    "apfs",
    "udf",
    "ubifs",
    "nfs4",
    "ceph",
    "gfs2",
    "ocfs2",
    "fuseblk",
    "fuse.ntfs-3g",
    "fuse.exfat",
    "fuse.fuse-overlayfs",
    "fuse.bindfs",
];

/// How far the locks of a directory's file system reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// They keep every other run away, or the system does not say where the directory is.
    Everywhere,
    /// They do not reach other machines. Holds the type of the file system.
    ThisMachine(String),
    /// Nothing is known of file systems of this type.
    Unknown(String),
}

/// How far locks in `directory` reach.
pub(super) fn reach(directory: &Path) -> Reach {
    let found = || {
        let device = directory.metadata().ok()?.dev();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        let path = directory.canonicalize().ok()?;
        reach_in(&mounts, device, &path)
    };
    found().unwrap_or(Reach::Everywhere)
}

/// What a person should know of an output in `directory`, where nothing is known of its file system.
pub fn lock_remark(directory: &Path) -> Option<String> {
    let there = directory.ancestors().find(|path| path.exists());
    match reach(
        there
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or(Path::new(".")),
    ) {
        Reach::Unknown(kind) => Some(format!(
            "the output is on a file system ({kind}) whose locks are not known to work across machines: \
             let no other machine write the same output"
        )),
        Reach::Everywhere | Reach::ThisMachine(_) => None,
    }
}

/// Why nothing can be made in `directory`, as far as can be told without trying.
///
/// # Errors
/// The system's own reason.
pub(super) fn writable(directory: &Path) -> std::io::Result<()> {
    let there = directory.metadata()?;
    if !there.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    // The superuser may do anything there, says the system, and cannot.
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if kind_in(&mounts, there.dev()).is_some_and(|(kind, _)| KERNELS.contains(&kind)) {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    Ok(access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// The file system of a device, and its options.
fn kind_in(mounts: &str, device: u64) -> Option<(&str, &str)> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let device = format!("{major}:{minor}");
    let mut mounts = mounts.lines();
    kind_of(mounts.find(|line| line.split(' ').nth(2) == Some(&device))?)
}

/// The file system that is mounted nearest above `path`, and its options.
fn kind_above<'m>(mounts: &'m str, path: &Path) -> Option<(&'m str, &'m str)> {
    let point = |line: &&str| {
        let point = line.split(' ').nth(4)?;
        // Blanks and backslashes are written in octal (man 5 proc).
        let point = point.replace("\\040", " ").replace("\\134", "\\");
        path.starts_with(&point).then_some(point.len())
    };
    let above = mounts.lines().filter(|line| point(line).is_some());
    // Of two mounts on one point, the later one hides the other.
    kind_of(above.max_by_key(point)?)
}

/// The type of a mount, and its options.
fn kind_of(mount: &str) -> Option<(&str, &str)> {
    let (_, rest) = mount.split_once(" - ")?;
    let mut rest = rest.split(' ');
    Some((rest.next()?, rest.nth(1).unwrap_or_default()))
}

fn reach_in(mounts: &str, device: u64, path: &Path) -> Option<Reach> {
    let (kind, options) = kind_in(mounts, device).or_else(|| kind_above(mounts, path))?;
    let has = |option: &str| options.split(',').any(|it| it == option);
    Some(match kind {
        // Version 4 has locks of its own, which the server keeps, unless the mount says otherwise.
        "nfs4" if !has("local_lock=none") => Reach::ThisMachine(kind.into()),
        "lustre" if has("flock") => Reach::Everywhere,
        _ if UNTRUSTED.contains(&kind) => Reach::ThisMachine(kind.into()),
        _ if TRUSTED.contains(&kind) => Reach::Everywhere,
        _ => Reach::Unknown(kind.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 0:41 / /efs rw,relatime shared:2 - nfs4 fs-1:/ rw,vers=4.1,hard,local_lock=none,addr=10.0.0.9\n\
        31 22 0:42 / /old rw shared:3 - nfs4 host:/ rw,vers=4.0,local_lock=flock\n\
        32 22 0:43 / /nfs rw - nfs host:/x rw,vers=3,local_lock=none\n\
        33 22 0:44 / /ssh rw - fuse.sshfs me@host: rw,user_id=0\n\
        34 22 0:45 / /here rw - fuse.ntfs-3g /dev/sdb1 rw\n\
        35 22 0:46 / /share rw - cifs //host/share rw\n\
        36 22 0:47 / /host rw - 9p host rw,trans=virtio\n\
        37 22 0:48 / /vm rw - virtiofs host rw\n\
        38 22 0:49 / /box rw - vboxsf share rw\n\
        39 22 0:50 / /bee rw - beegfs beegfs_nodev rw\n\
        40 22 0:51 / /lus rw - lustre mds@tcp:/fs rw,localflock\n\
        41 22 0:52 / /lus2 rw - lustre mds@tcp:/fs rw,flock,lazystatfs\n\
        42 22 0:53 / /plain rw - fuse server rw,user_id=0\n\
        43 22 0:54 / /new rw - fuse.bucket-of-2030 b rw,user_id=0\n\
        44 22 0:55 / /odd rw - wonderfs /dev/w rw\n\
        45 22 0:99 / /with\\040blank rw - btrfs /dev/vdb rw,subvol=/a\n";

    /// What holds for the device 0:`minor`, as a letter and the type of the file system.
    #[track_caller]
    fn check(minor: u32, expected: &str) {
        let (major, minor) = if minor == 0 { (254, 0) } else { (0, minor) };
        let device = rustix::fs::makedev(major, minor);
        let said = match reach_in(MOUNTS, device, Path::new("/elsewhere")) {
            Some(Reach::Everywhere) => "everywhere".to_owned(),
            Some(Reach::ThisMachine(kind)) => format!("this machine: {kind}"),
            Some(Reach::Unknown(kind)) => format!("unknown: {kind}"),
            None => "not found".to_owned(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_disk_of_this_machine_is_trusted() {
        check(0, "everywhere");
        check(45, "everywhere");
    }

    #[test]
    fn a_network_file_system_is_trusted_if_its_server_keeps_the_locks() {
        check(41, "everywhere");
        check(52, "everywhere");
        check(42, "this machine: nfs4");
        check(43, "this machine: nfs");
        check(44, "this machine: fuse.sshfs");
        check(46, "this machine: cifs");
    }

    #[test]
    fn shares_of_hosts_clusters_and_user_space_are_not_trusted() {
        check(47, "this machine: 9p");
        check(48, "this machine: virtiofs");
        check(49, "this machine: vboxsf");
        check(50, "this machine: beegfs");
        check(51, "this machine: lustre");
        check(53, "this machine: fuse");
    }

    #[test]
    fn a_file_system_of_which_nothing_is_known_is_named() {
        check(54, "unknown: fuse.bucket-of-2030");
        check(55, "unknown: wonderfs");
    }

    #[test]
    fn a_device_that_is_not_listed_is_found_by_its_mount_point() {
        let device = rustix::fs::makedev(0, 77);
        let at = |path: &str| reach_in(MOUNTS, device, Path::new(path));
        assert_eq!(at("/with blank/out"), Some(Reach::Everywhere));
        assert_eq!(at("/vm/out"), Some(Reach::ThisMachine("virtiofs".into())));
        assert_eq!(at("/vmx/out"), Some(Reach::Everywhere));
        assert_eq!(at("/odd"), Some(Reach::Unknown("wonderfs".into())));
    }
}
