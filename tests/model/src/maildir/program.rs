//! The program that an input encodes: two trees, and the runs between them.
//!
//! The first variant of every enum is the simplest one, because an input without further bytes
//! decodes to it. The corpus depends on the order of variants and fields, so it must not change.

use arbitrary::Arbitrary;
use mapisync::SyncFlags;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

#[derive(Arbitrary, Debug)]
pub struct Program {
    pub server: Tree,
    /// `None` if it does not exist yet.
    pub local: Option<Tree>,
    pub flags: Flags,
    /// The number of calls to `Progress` after which the first run is stopped. Later runs are not.
    pub stop: Option<u8>,
    /// The flags of further runs.
    pub then: Option<Flags>,
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
    /// Other entries next to the folders.
    pub strays: Vec<(Name, Entry)>,
}

#[derive(Arbitrary, Debug)]
pub struct Folder {
    pub messages: Vec<(Sub, Name, Entry)>,
    pub marker: bool,
    pub flaw: Flaw,
}

/// The flaw of a folder. One of its three subfolders may be missing or something else.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Flaw {
    None,
    Lacks(Sub),
    IsFile(Sub),
    IsLink(Sub),
    /// The folder itself is a file.
    File,
    BrokenLink,
    /// The folder is a link to a folder outside, in a tree that receives no mail.
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

/// A message's name. The choice is small, so that names occur in both trees.
#[derive(Arbitrary, Debug)]
pub enum Name {
    /// A number, the flags, and whether it is marked as a stub's.
    Message(u8, Option<u8>, bool),
    Parts(Vec<Part>),
    Bytes(Vec<u8>),
    /// A letter, the length, and whether there are flags.
    Long(u8, u8, bool),
}

#[derive(Arbitrary, Debug)]
pub enum Part {
    Byte(u8),
    Stub,
    Info,
    OtherInfo,
    Base,
}

#[derive(Arbitrary, Debug)]
pub enum FolderName {
    Known(u8),
    /// Modified UTF-7, possibly invalid.
    Coded(Vec<u8>),
    Bytes(Vec<u8>),
}

pub const STUB: &[u8] = b",mapisync=header";

impl Name {
    pub fn name(&self) -> OsString {
        let mut name = vec![];
        match self {
            Name::Message(id, flags, stub) => {
                name.extend(format!("{}.host", id % 4).bytes());
                name.extend(stub.then_some(STUB).into_iter().flatten());
                if let Some(flags) = flags {
                    let set = b"DFPRST".iter().enumerate();
                    let set = set.filter(|(at, _)| flags & 1 << at != 0);
                    name.extend(b":2,".iter().chain(set.map(|(_, flag)| flag)));
                }
            }
            Name::Parts(parts) => {
                name.extend(parts.iter().flat_map(|part| match part {
                    Part::Byte(byte) => std::slice::from_ref(byte),
                    Part::Stub => STUB,
                    Part::Info => b":2,",
                    Part::OtherInfo => b";2,",
                    Part::Base => b"0.host",
                }));
            }
            Name::Bytes(bytes) => name.extend(bytes),
            Name::Long(id, length, flags) => {
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
                let coded = bytes.iter().map(|byte| alphabet[usize::from(*byte) % alphabet.len()]);
                [b'.'].into_iter().chain(coded).collect()
            }
            FolderName::Bytes(bytes) => [b"."[..].to_vec(), bytes.clone()].concat(),
        })
    }
}

/// Turns the bytes into a valid file name.
fn file_name(mut name: Vec<u8>) -> OsString {
    name.truncate(255);
    name.iter_mut().filter(|byte| matches!(byte, 0 | b'/')).for_each(|byte| *byte = b'_');
    if matches!(&name[..], b"" | b"." | b"..") {
        name.push(b'_');
    }
    OsString::from_vec(name)
}

/// An entry of a folder.
#[derive(Arbitrary, Debug)]
pub enum Entry {
    File(Content),
    /// A link to a message outside.
    Link,
    BrokenLink,
    /// A link to itself.
    Loop,
    LinkToPipe,
    LinkToFolder,
    Folder,
    Pipe,
    Socket,
}

#[derive(Arbitrary, Debug)]
pub enum Content {
    /// A header of so many lines, whether they end with CRLF, and a body.
    Mail(u8, bool, Vec<u8>),
    Bytes(Vec<u8>),
    /// A byte as often as this, which may be more than the store's read buffer has, and others.
    Long(u8, u16, Vec<u8>),
}

impl Content {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Content::Mail(lines, crlf, body) => {
                let end = if *crlf { "\r\n" } else { "\n" };
                let header = (0..lines % 8).map(|line| format!("Subject: {line}{end}"));
                let header: String = header.chain([end.into()]).collect();
                [header.as_bytes(), body].concat()
            }
            Content::Bytes(bytes) => bytes.clone(),
            Content::Long(byte, times, then) => [&vec![*byte; (*times).into()], &then[..]].concat(),
        }
    }
}
