//! Files that were written, but may not be on the disk yet.

use super::folder::Folder;
use std::fs::File;
use std::io;

/// Files to be written to the disk at once.
///
/// Linux writes a whole file system with one call, and since version 5.8 this call reports every
/// write error after the descriptor was opened. Elsewhere each file is written to the disk alone,
/// and so are files on a network or in FUSE: the call does not reach their disk.
pub(super) struct Unflushed {
    #[cfg(target_os = "linux")]
    file_system: Option<FileSystem>,
    /// The files, unless the whole file system is written, because they are too many.
    files: Vec<File>,
    is_many: bool,
}

#[cfg(target_os = "linux")]
struct FileSystem {
    descriptor: File,
    device: u64,
}

impl Unflushed {
    /// The most files that are kept open. macOS allows a process 256 by default.
    pub(super) const MOST_OPEN: usize = 64;

    /// The most files that are written alone even where the whole file system could be: it may
    /// have much to write for others.
    const FEW: usize = 8;

    /// Prepares for files in the folder's `tmp`. It must be called before the first write, because
    /// earlier write errors are not reported.
    #[cfg(target_os = "linux")]
    pub(super) fn new(folder: &Folder) -> io::Result<Unflushed> {
        use std::os::unix::fs::MetadataExt;
        let mut file_system = None;
        if reports_write_errors() {
            let descriptor = File::open(folder.path().join("tmp"))?;
            if is_on_disk(rustix::fs::fstatfs(&descriptor)?.f_type as u32) {
                let device = descriptor.metadata()?.dev();
                file_system = Some(FileSystem { descriptor, device });
            }
        }
        Ok(Unflushed {
            file_system,
            files: vec![],
            is_many: false,
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_folder: &Folder) -> io::Result<Unflushed> {
        Ok(Unflushed {
            files: vec![],
            is_many: false,
        })
    }

    /// Returns whether this also writes files in the `tmp` of another folder to the disk.
    pub(super) fn covers(&self, folder: &Folder) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(file_system) = &self.file_system {
            use std::os::unix::fs::MetadataExt;
            let tmp = folder.path().join("tmp").metadata();
            return tmp.is_ok_and(|tmp| tmp.dev() == file_system.device);
        }
        let _any_folder = folder;
        self.files.len() < Self::MOST_OPEN
    }

    /// Adds a file, which was opened before it was written.
    pub(super) fn add(&mut self, file: File) {
        self.is_many |= self.can_write_file_system() && self.files.len() == Self::FEW;
        if self.is_many {
            self.files.clear();
        } else {
            self.files.push(file);
        }
    }

    fn can_write_file_system(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.file_system.is_some();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Writes everything to the disk.
    pub(super) fn flush(self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(file_system) = self.file_system.filter(|_| self.is_many) {
            return Ok(rustix::fs::syncfs(&file_system.descriptor)?);
        }
        self.files.iter().try_for_each(File::sync_all)
    }
}

/// Returns whether `syncfs` reports write errors, as it does since Linux 5.8.
#[cfg(target_os = "linux")]
fn reports_write_errors() -> bool {
    let system = rustix::system::uname();
    is_since_5_8(&system.release().to_string_lossy())
}

#[cfg(target_os = "linux")]
fn is_since_5_8(release: &str) -> bool {
    let mut numbers = release
        .split(|character: char| !character.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(5), Some(8))
}

/// Returns whether files of this type of file system are on a disk of this machine, which `syncfs`
/// writes: ext2 to ext4, XFS, Btrfs or F2FS, or in memory.
#[cfg(target_os = "linux")]
fn is_on_disk(file_system_type: u32) -> bool {
    const EXT: u32 = 0xEF53;
    const XFS: u32 = 0x5846_5342;
    const BTRFS: u32 = 0x9123_683E;
    const F2FS: u32 = 0xF2F5_2010;
    const TMPFS: u32 = 0x0102_1994;
    matches!(file_system_type, EXT | XFS | BTRFS | F2FS | TMPFS)
}

#[cfg(all(test, target_os = "linux"))]
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
