//! Files and folders that only their owner can read, whatever the umask is: they hold mail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Creates a new file. Its mode is 0600 on Unix.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    open_file(path, File::options().write(true).create_new(true))
}

/// Opens a file, and creates it with the mode 0600 if it does not exist.
pub(super) fn open_or_create_file(path: &Path) -> io::Result<File> {
    match open_file(path, File::options().read(true).write(true).create_new(true)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // To open a pipe may take forever, and a link may lead anywhere.
            if !path.symlink_metadata()?.is_file() {
                return Err(io::Error::other("not a file"));
            }
            File::options().read(true).write(true).open(path)
        }
        result => result,
    }
}

/// Creates a folder and its missing parents. Their mode is 0700 on Unix. The modes of existing
/// folders stay as they are.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    let created = new_folder(path);
    match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

#[cfg(unix)]
fn open_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = options.mode(0o600).open(path)?;
    // The umask may forbid even the owner to read it. Some file systems have no modes.
    let _has_no_modes = file.set_permissions(PermissionsExt::from_mode(0o600));
    Ok(file)
}

#[cfg(unix)]
fn new_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().mode(0o700).create(path)?;
    let _has_no_modes = fs::set_permissions(path, PermissionsExt::from_mode(0o700));
    Ok(())
}

#[cfg(not(unix))]
fn open_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.open(path)
}

#[cfg(not(unix))]
fn new_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}
