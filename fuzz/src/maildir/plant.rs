//! Makes the trees.

use super::program::{Flaw, Folder, Sub, Thing, Tree};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// What a side has of everything, so that a program of a few bytes does not mean thousands of files.
const MOST: usize = 6;

/// What the trees have links to, and nobody should touch.
pub struct Outside(PathBuf);

impl Outside {
    pub fn new(root: &Path) -> Outside {
        let outside = Outside(root.join("outside"));
        for sub in Sub::ALL {
            fs::create_dir_all(outside.folder().join(sub.name())).expect("a folder can be made");
        }
        fs::write(outside.mail(), "Subject: outside\n\nlinked").expect("a file can be written");
        fs::write(
            outside.folder().join("cur/1.host:2,S"),
            "A: b\n\nin a linked folder",
        )
        .expect("so can this");
        pipe(&outside.pipe());
        outside
    }

    fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }

    fn folder(&self) -> PathBuf {
        self.0.join("folder")
    }

    fn pipe(&self) -> PathBuf {
        self.0.join("pipe")
    }
}

fn pipe(path: &Path) {
    // It fails where the name is taken, as everything here does.
    let _ = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
}

/// Makes a tree, with links to folders outside if it may have them: one to which mail is brought may not, since they make what
/// they lead to part of the tree. What comes second under a name is left out.
pub fn plant(tree: &Tree, root: &Path, outside: &Outside, links: bool) {
    fs::create_dir(root).expect("a folder can be made");
    folder(&tree.inbox, root, outside, links);
    for (name, content) in tree.folders.iter().take(MOST) {
        folder(content, &root.join(name.name()), outside, links);
    }
    for (name, stray) in tree.strays.iter().take(MOST) {
        thing(stray, &root.join(name.name()), outside);
    }
}

fn folder(folder: &Folder, path: &Path, outside: &Outside, links: bool) {
    let is_root = path.ends_with("server") || path.ends_with("local");
    match folder.flaw {
        Flaw::File if !is_root => return drop(File::create_new(path)),
        Flaw::BrokenLink if !is_root => return drop(symlink("nowhere", path)),
        Flaw::Link if !is_root && links => return drop(symlink(outside.folder(), path)),
        _ => {}
    }
    if !path.is_dir() && fs::create_dir(path).is_err() {
        return;
    }
    for sub in Sub::ALL {
        let path = path.join(sub.name());
        match folder.flaw {
            Flaw::Lacks(lacking) if lacking == sub => {}
            Flaw::IsFile(file) if file == sub => drop(File::create_new(path)),
            Flaw::IsLink(link) if link == sub && links => {
                drop(symlink(outside.folder().join(sub.name()), path));
            }
            _ => drop(fs::create_dir(path)),
        }
    }
    if folder.marker && !is_root {
        drop(File::create_new(path.join("maildirfolder")));
    }
    for (sub, name, message) in folder.messages.iter().take(MOST) {
        // Not through a link: nothing is planted outside.
        let sub = path.join(sub.name());
        if !sub.is_symlink() {
            thing(message, &sub.join(name.name()), outside);
        }
    }
}

fn thing(thing: &Thing, path: &Path, outside: &Outside) {
    match thing {
        Thing::File(content) => {
            if let Ok(mut file) = File::create_new(path) {
                file.write_all(&content.bytes())
                    .expect("a file can be written");
            }
        }
        Thing::Link => drop(symlink(outside.mail(), path)),
        Thing::BrokenLink => drop(symlink("nowhere", path)),
        Thing::Loop => drop(symlink(path.file_name().unwrap_or_default(), path)),
        Thing::LinkToPipe => drop(symlink(outside.pipe(), path)),
        Thing::LinkToFolder => drop(symlink(outside.folder(), path)),
        Thing::Folder => drop(fs::create_dir(path)),
        Thing::Pipe => pipe(path),
        Thing::Socket => drop(UnixListener::bind(path)),
    }
}
