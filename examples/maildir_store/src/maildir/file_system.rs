//! A file system that one call writes to the disk. Only Linux has this call.

use super::folder::Folder;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

/// A file system that `syncfs` writes to a disk of this machine, with a report of every write error
/// since it was opened.
pub(super) struct FileSystem {
    descriptor: File,
    device: u64,
}

impl FileSystem {
    /// Opens the file system of the folder's `tmp`. Returns `None` if it must not be written with
    /// one call: before Linux 5.8, on a network or in FUSE.
    pub(super) fn open(folder: &Folder) -> io::Result<Option<FileSystem>> {
        if !reports_write_errors() {
            return Ok(None);
        }
        let descriptor = File::open(folder.path().join("tmp"))?;
        if !is_on_disk(rustix::fs::fstatfs(&descriptor)?.f_type as u32) {
            return Ok(None);
        }
        let device = descriptor.metadata()?.dev();
        Ok(Some(FileSystem { descriptor, device }))
    }

    /// Returns whether the `tmp` of a folder is on this file system.
    pub(super) fn contains(&self, folder: &Folder) -> bool {
        let tmp = folder.path().join("tmp").metadata();
        tmp.is_ok_and(|tmp| tmp.dev() == self.device)
    }

    /// Writes everything to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.descriptor)?)
    }
}

/// Returns whether `syncfs` reports write errors, as it does since Linux 5.8.
fn reports_write_errors() -> bool {
    let system = rustix::system::uname();
    is_since_5_8(&system.release().to_string_lossy())
}

fn is_since_5_8(release: &str) -> bool {
    let mut numbers = release
        .split(|character: char| !character.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(5), Some(8))
}

/// Returns whether files of this type of file system are on a disk of this machine, which `syncfs`
/// writes: ext2 to ext4, XFS, Btrfs or F2FS, or in memory.
fn is_on_disk(file_system_type: u32) -> bool {
    const EXT: u32 = 0xEF53;
    const XFS: u32 = 0x5846_5342;
    const BTRFS: u32 = 0x9123_683E;
    const F2FS: u32 = 0xF2F5_2010;
    const TMPFS: u32 = 0x0102_1994;
    matches!(file_system_type, EXT | XFS | BTRFS | F2FS | TMPFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_linux_since_5_8_reports_the_write_errors_of_a_whole_file_system() {
        for (release, expected) in [
            ("5.8.0", true),
            ("5.10.0-21-amd64", true),
            ("6.1", true),
            ("10.0", true),
            ("5.7.19", false),
            ("4.19.0", false),
            ("", false),
            ("unknown", false),
        ] {
            assert_eq!(is_since_5_8(release), expected, "{release}");
        }
    }
}
