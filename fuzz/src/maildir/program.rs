//! What the bytes of an input mean: two trees, and the runs between them. Of every choice the plainest comes first, since
//! that is what an input that has run out of bytes goes on with.

use arbitrary::Arbitrary;
use mapisync::SyncFlags;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

#[derive(Arbitrary, Debug)]
pub struct Program {
    pub server: Tree,
    /// `None` if it isn't there yet.
    pub local: Option<Tree>,
    pub flags: Flags,
    /// After which of the calls to Progress a run is stopped, before one that is not.
    pub stop: Option<u8>,
    /// Runs with other flags, afterwards.
    pub then: Option<Flags>,
    /// What somebody else delivers to the local inbox in the middle of the first run.
    pub meanwhile: Option<Meanwhile>,
}

#[derive(Arbitrary, Debug)]
pub struct Meanwhile {
    /// At which of the calls to Progress.
    pub call: u8,
    pub what: Delivery,
}

#[derive(Arbitrary, Debug)]
pub enum Delivery {
    /// A message of the server's, from the inbox.
    OneOfThem(u8),
    Another(Sub, Name),
}

impl Program {
    /// The path of what somebody else delivers, and at which call to Progress.
    pub fn meanwhile(&self) -> Option<(u8, PathBuf)> {
        let Meanwhile { call, what } = self.meanwhile.as_ref()?;
        let messages = &self.server.inbox.messages;
        let (sub, name) = match what {
            Delivery::OneOfThem(which) => {
                let (sub, name, _) = messages.get(usize::from(*which) % messages.len().max(1))?;
                (sub, name)
            }
            Delivery::Another(sub, name) => (sub, name),
        };
        // A few calls are all that there are in most runs.
        Some((call % 8, Path::new(sub.name()).join(name.name())))
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Flags {
    Down,
    Headers,
    Both,
    Some(u8),
    Any(u32),
}

impl Flags {
    pub fn flags(self) -> SyncFlags {
        let down = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::DOWNLOAD_CONTENTS;
        let up = SyncFlags::UPLOAD_HIERARCHY | SyncFlags::UPLOAD_CONTENTS;
        match self {
            Flags::Down => down,
            Flags::Headers => SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::GLOBAL_HEADERS,
            Flags::Both => down | up,
            Flags::Some(bits) => {
                let each = (down | up | SyncFlags::GLOBAL_HEADERS | SyncFlags::ON_DEMAND).iter();
                let chosen = each.enumerate().filter(|(at, _)| bits & 1 << at != 0);
                chosen.map(|(_, flag)| flag).collect()
            }
            Flags::Any(bits) => SyncFlags::from_bits_retain(bits),
        }
    }
}

#[derive(Arbitrary, Debug)]
pub struct Tree {
    pub inbox: Folder,
    pub folders: Vec<(FolderName, Folder)>,
    /// What else lies beside the folders.
    pub strays: Vec<(Name, Thing)>,
}

#[derive(Arbitrary, Debug)]
pub struct Folder {
    pub messages: Vec<(Sub, Name, Thing)>,
    pub marker: bool,
    pub flaw: Flaw,
}

/// What a folder is, or which of the three it lacks or has something else for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Flaw {
    None,
    Lacks(Sub),
    IsFile(Sub),
    IsLink(Sub),
    /// The folder itself is something else.
    File,
    BrokenLink,
    /// A link to a folder outside, in a tree to which no mail is brought.
    Link,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Sub {
    New,
    Cur,
    Tmp,
}

impl Sub {
    pub const ALL: [Sub; 3] = [Sub::New, Sub::Cur, Sub::Tmp];

    pub fn name(self) -> &'static str {
        match self {
            Sub::New => "new",
            Sub::Cur => "cur",
            Sub::Tmp => "tmp",
        }
    }
}

/// A message's name. There are few, so that they meet in the two trees.
#[derive(Arbitrary, Debug)]
pub enum Name {
    Message {
        id: u8,
        flags: Option<u8>,
        stub: bool,
    },
    Parts(Vec<Part>),
    Bytes(Vec<u8>),
    Long {
        id: u8,
        length: u8,
        flags: bool,
    },
}

#[derive(Arbitrary, Debug)]
pub enum Part {
    Byte(u8),
    Stub,
    Info,
    OtherInfo,
    Text,
}

#[derive(Arbitrary, Debug)]
pub enum FolderName {
    Known(u8),
    /// Modified UTF-7, or nearly.
    Coded(Vec<u8>),
    Bytes(Vec<u8>),
}

pub const STUB: &[u8] = b",mapisync=header";

impl Name {
    pub fn name(&self) -> OsString {
        let mut name = vec![];
        match self {
            Name::Message { id, flags, stub } => {
                name.extend(format!("{}.host", id % 4).bytes());
                name.extend(stub.then_some(STUB).into_iter().flatten());
                if let Some(flags) = flags {
                    name.extend(b":2,");
                    let set = b"DFPRST".iter().enumerate();
                    name.extend(
                        set.filter(|(at, _)| flags & 1 << at != 0)
                            .map(|(_, flag)| flag),
                    );
                }
            }
            Name::Parts(parts) => {
                for part in parts {
                    match part {
                        Part::Byte(byte) => name.push(*byte),
                        Part::Stub => name.extend(STUB),
                        Part::Info => name.extend(b":2,"),
                        Part::OtherInfo => name.extend(b";2,"),
                        Part::Text => name.extend(b"0.host"),
                    }
                }
            }
            Name::Bytes(bytes) => name.extend(bytes),
            Name::Long { id, length, flags } => {
                name.resize(200 + usize::from(length % 56), b'a' + id % 2);
                if *flags {
                    name.extend(b":2,S");
                }
            }
        }
        file_name(name)
    }
}

impl FolderName {
    pub fn name(&self) -> OsString {
        let known = [".A", ".A.B", ".Entw&APw-rfe", ".&-", ".&2Dzf1g-", ".B"];
        file_name(match self {
            FolderName::Known(which) => known[usize::from(*which) % known.len()].into(),
            FolderName::Coded(bytes) => {
                let alphabet = b"&-AP3+,.wQ~2Dzf1g";
                let coded = bytes
                    .iter()
                    .map(|byte| alphabet[usize::from(*byte) % alphabet.len()]);
                [b'.'].into_iter().chain(coded).collect()
            }
            FolderName::Bytes(bytes) => [b"."[..].to_vec(), bytes.clone()].concat(),
        })
    }
}

/// What the system takes as the name of a file.
fn file_name(mut name: Vec<u8>) -> OsString {
    name.truncate(255);
    name.iter_mut()
        .filter(|byte| matches!(byte, 0 | b'/'))
        .for_each(|byte| *byte = b'_');
    if matches!(&name[..], b"" | b"." | b"..") {
        name.push(b'_');
    }
    OsString::from_vec(name)
}

/// What stands where a message could.
#[derive(Arbitrary, Debug)]
pub enum Thing {
    File(Content),
    /// To a message outside.
    Link,
    BrokenLink,
    /// To itself.
    Loop,
    LinkToPipe,
    LinkToFolder,
    Folder,
    Pipe,
    Socket,
}

#[derive(Arbitrary, Debug)]
pub enum Content {
    Mail {
        lines: u8,
        crlf: bool,
        body: Vec<u8>,
    },
    Bytes(Vec<u8>),
    /// Longer than what is read at a time.
    Long {
        byte: u8,
        times: u16,
        then: Vec<u8>,
    },
}

impl Content {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Content::Mail { lines, crlf, body } => {
                let end = if *crlf { "\r\n" } else { "\n" };
                let header = (0..lines % 8).map(|line| format!("Subject: {line}{end}"));
                let header: String = header.chain([end.into()]).collect();
                [header.as_bytes(), body].concat()
            }
            Content::Bytes(bytes) => bytes.clone(),
            Content::Long { byte, times, then } => {
                let mut bytes = vec![*byte; usize::from(*times)];
                bytes.extend(then);
                bytes
            }
        }
    }
}
