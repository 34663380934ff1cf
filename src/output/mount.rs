//! Whether a directory can be written to, and a lock in it keeps other machines away too.
//!
//! Linux says in `/proc/self/mountinfo` what a directory's device is (man 5 proc). Elsewhere, and
//! for a device that is not listed there, nothing is known and nothing is rejected.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access};

/// File systems that show the kernel's own state, and store no files.
const KERNELS: &[&str] = &["proc", "sysfs", "cgroup2", "debugfs", "tracefs"];

/// File systems that other machines write to as well, and on which `flock` reaches no further
/// than this machine, or not even that far.
const UNTRUSTED: &[&str] = &[
    "nfs", // version 2 and 3: a helper protocol that is often off, and forgets at a restart
    "cifs",
    "smb3",
    "smbfs",
    "afs",
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
];

/// The type of the file system `directory` is on, if locks there are not to be trusted.
pub(super) fn untrusted(directory: &Path) -> Option<String> {
    let device = directory.metadata().ok()?.dev();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    untrusted_in(&mounts, device)
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
    let mount = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some(&device))?;
    let (_, rest) = mount.split_once(" - ")?;
    let mut rest = rest.split(' ');
    Some((rest.next()?, rest.nth(1).unwrap_or_default()))
}

fn untrusted_in(mounts: &str, device: u64) -> Option<String> {
    let (kind, options) = kind_in(mounts, device)?;
    // Version 4 has locks of its own, which the server keeps, unless the mount says otherwise.
    let stays_here = kind == "nfs4" && !options.split(',').any(|it| it == "local_lock=none");
    (stays_here || UNTRUSTED.contains(&kind)).then(|| kind.to_owned())
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
        35 22 0:46 / /share rw - cifs //host/share rw\n";

    #[track_caller]
    fn check(minor: u32, expected: Option<&str>) {
        let (major, minor) = if minor == 0 { (254, 0) } else { (0, minor) };
        let device = rustix::fs::makedev(major, minor);
        assert_eq!(untrusted_in(MOUNTS, device).as_deref(), expected);
    }

    #[test]
    fn a_disk_of_this_machine_is_trusted() {
        check(0, None);
        check(45, None);
        check(99, None);
    }

    #[test]
    fn a_network_file_system_is_trusted_if_its_server_keeps_the_locks() {
        check(41, None);
        check(42, Some("nfs4"));
        check(43, Some("nfs"));
        check(44, Some("fuse.sshfs"));
        check(46, Some("cifs"));
    }
}
