//! Files that the kernel makes up when they are read, such as `/proc/self/environ`: they look like regular
//! files, and hold what a process or the machine would rather keep.

use std::fs::File;

/// The numbers of the kernel's own file systems (Linux, `linux/magic.h`).
#[cfg(target_os = "linux")]
const KERNELS: [u32; 15] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6265_6570, // configfs
    0xcafe_4a11, // bpf
    0xde5e_81e4, // efivarfs
    0x6165_676c, // pstore
    0xf97c_ff8c, // selinux
    0x4341_5d53, // smackfs
    0x4249_4e4d, // binfmt_misc
    0x1cd1,      // devpts
];

/// Whether the kernel makes up what is read from this file.
#[cfg(target_os = "linux")]
pub fn is_made_up(file: &File) -> bool {
    // The number has 32 bits; the type it is given in depends on the machine.
    rustix::fs::fstatfs(file).is_ok_and(|found| KERNELS.contains(&(found.f_type as u32)))
}

/// Whether the kernel makes up what is read from this file: other systems have no such files.
#[cfg(not(target_os = "linux"))]
pub fn is_made_up(_: &File) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_makes_up_is_told_from_files_and_pipes() {
        for path in ["/proc/self/environ", "/proc/self/maps", "/proc/version"] {
            assert!(is_made_up(&File::open(path).unwrap()), "{path}");
        }
        assert!(!is_made_up(&tempfile::tempfile().unwrap()));
        let (reader, _writer) = std::io::pipe().unwrap();
        let reader: std::os::fd::OwnedFd = reader.into();
        assert!(!is_made_up(&reader.into()));
    }
}
