//! Creates the trees. Of two entries with one name the first wins: the creation of the other fails,
//! which is ignored.

use super::program::{Entry, Flaw, Folder, Sub, Tree};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::{env, io, process};

/// The limit for each list of a tree, so that a short program does not create thousands of files.
const MOST: usize = 6;

/// The targets of the trees' links, which no run may change.
pub struct Outside {
    mail: PathBuf,
    folder: PathBuf,
    pipe: PathBuf,
}

impl Outside {
    pub fn new(root: &Path) -> Outside {
        let at = |name| root.join("outside").join(name);
        let (mail, folder, pipe) = (at("mail"), at("folder"), at("pipe"));
        for sub in Sub::ALL {
            fs::create_dir_all(folder.join(sub.name())).expect("a folder can be made");
        }
        fs::write(&mail, "Subject: outside\n\nlinked").expect("a file can be written");
        fs::write(folder.join("cur/1.host:2,S"), "A: b\n\nin a linked folder")
            .expect("so can this");
        create_pipe(&pipe);
        Outside { mail, folder, pipe }
    }
}

fn create_pipe(path: &Path) {
    let _ = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
}

/// Creates a tree. `links` allows links to folders outside. A tree that receives mail must have
/// none, because a linked folder is part of the tree.
pub fn create_tree(tree: &Tree, root: &Path, outside: &Outside, links: bool) {
    fs::create_dir(root).expect("a folder can be made");
    create_folder(&tree.inbox, root, outside, links);
    for (name, folder) in tree.folders.iter().take(MOST) {
        create_folder(folder, &root.join(name.name()), outside, links);
    }
    for (name, stray) in tree.strays.iter().take(MOST) {
        create_entry(stray, &root.join(name.name()), outside);
    }
}

fn create_folder(folder: &Folder, path: &Path, outside: &Outside, links: bool) {
    let is_root = path.ends_with("server") || path.ends_with("local");
    match folder.flaw {
        Flaw::File if !is_root => return drop(File::create_new(path)),
        Flaw::BrokenLink if !is_root => return drop(symlink("nowhere", path)),
        Flaw::Link if !is_root && links => return drop(symlink(&outside.folder, path)),
        _ => {}
    }
    if !path.is_dir() && fs::create_dir(path).is_err() {
        return;
    }
    for sub in Sub::ALL {
        let (path, linked) = (path.join(sub.name()), outside.folder.join(sub.name()));
        match folder.flaw {
            Flaw::Lacks(lacking) if lacking == sub => {}
            Flaw::IsFile(file) if file == sub => drop(File::create_new(path)),
            Flaw::IsLink(link) if link == sub && links => drop(symlink(linked, path)),
            _ => drop(fs::create_dir(path)),
        }
    }
    if folder.marker && !is_root {
        drop(File::create_new(path.join("maildirfolder")));
    }
    for (sub, name, message) in folder.messages.iter().take(MOST) {
        // No message is created through a link to outside.
        let sub = path.join(sub.name());
        if !sub.is_symlink() {
            create_entry(message, &sub.join(name.name()), outside);
        }
    }
}

fn create_entry(entry: &Entry, path: &Path, outside: &Outside) {
    match entry {
        Entry::File(content) => {
            if let Ok(mut file) = File::create_new(path) {
                file.write_all(&content.bytes()).expect("it can be written");
            }
        }
        Entry::Link => drop(symlink(&outside.mail, path)),
        Entry::BrokenLink => drop(symlink("nowhere", path)),
        Entry::Loop => drop(symlink(path.file_name().unwrap_or_default(), path)),
        Entry::LinkToPipe => drop(symlink(&outside.pipe, path)),
        Entry::LinkToFolder => drop(symlink(&outside.folder, path)),
        Entry::Folder => drop(fs::create_dir(path)),
        Entry::Pipe => create_pipe(path),
        Entry::Socket => drop(UnixListener::bind(path)),
    }
}

/// A folder that is removed with its contents when this is dropped.
///
/// It has the same name for every program, because the store remembers each server for the life of
/// the process.
pub struct WorkFolder(PathBuf);

impl WorkFolder {
    pub fn new() -> WorkFolder {
        // A file system in memory is preferred: a program creates dozens of files and syncs them
        // to the disk.
        let memory = Some(PathBuf::from("/dev/shm")).filter(|memory| memory.is_dir());
        let parent = memory.unwrap_or_else(env::temp_dir);
        let path = parent.join(format!("mapisync-model-{}", process::id()));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
            _ => fs::create_dir(&path).expect("a folder can be made"),
        }
        WorkFolder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the folder can be removed");
    }
}
