//! Copies the bytes of a message, or of its header.

use super::GoOn;
use super::failure::{Failure, Side};
use super::with_path;
use mapisync::Result;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

/// The part of a message to copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The whole message.
    Whole,
    /// The header and the empty line after it. The result is a stub, unless the message ends there.
    Header,
}

/// The bytes that are copied between two calls to `go_on`.
const CHUNK: usize = 64 << 10;

/// A copy in progress. The paths are for error messages.
pub(super) struct Copy<'a> {
    reader: BufReader<File>,
    writer: &'a File,
    source: &'a Path,
    target: &'a Path,
    go_on: GoOn<'a>,
}

impl<'a> Copy<'a> {
    pub(super) fn new(
        reader: File,
        source: &'a Path,
        writer: &'a File,
        target: &'a Path,
        go_on: GoOn<'a>,
    ) -> Copy<'a> {
        let reader = BufReader::with_capacity(CHUNK, reader);
        Copy { reader, writer, source, target, go_on }
    }

    /// Copies the part. Returns whether the copy is the whole message.
    pub(super) fn copy(&mut self, part: Part) -> Result<bool, Failure> {
        // The header of a compressed message cannot be read.
        let is_whole = part == Part::Whole || is_compressed(self.fill()?) || self.copy_header()?;
        if is_whole {
            self.copy_rest()?;
        }
        Ok(is_whole)
    }

    fn copy_rest(&mut self) -> Result<(), Failure> {
        loop {
            let length = self.fill()?.len();
            if length == 0 {
                return Ok(());
            }
            self.take(length)?;
        }
    }

    /// Copies the header and the empty line after it. Returns whether the message ends there.
    fn copy_header(&mut self) -> Result<bool, Failure> {
        let mut empty = true; // whether the current line is empty so far
        loop {
            let bytes = self.fill()?;
            let mut ends = |byte: &u8| {
                let end = *byte == b'\n' && empty;
                empty = *byte == b'\n' || (*byte == b'\r' && empty);
                end
            };
            let end = bytes.iter().position(&mut ends).map(|end| end + 1);
            let length = end.unwrap_or(bytes.len());
            self.take(length)?;
            if end.is_some() || length == 0 {
                return Ok(self.fill()?.is_empty());
            }
        }
    }

    /// Returns the next bytes of the message. They are empty at its end.
    fn fill(&mut self) -> Result<&[u8], Failure> {
        while let Err(error) = self.reader.fill_buf() {
            if error.kind() != ErrorKind::Interrupted {
                return Err(Side::Source.failure(with_path(self.source, error)));
            }
        }
        Ok(self.reader.buffer())
    }

    fn take(&mut self, length: usize) -> Result<(), Failure> {
        let written = self.writer.write_all(&self.reader.buffer()[..length]);
        written.map_err(|error| Side::Target.failure(with_path(self.target, error)))?;
        self.reader.consume(length);
        (self.go_on)().map_err(|error| Side::Host.failure(error))
    }
}

/// Opens a file, or the file that a link leads to. Fails for anything else: to open or read a pipe
/// may take forever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if path.metadata()?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a message"))
    }
}

/// Returns whether Dovecot has compressed the message: with gzip, bzip2, xz, zstd or LZ4.
fn is_compressed(start: &[u8]) -> bool {
    let signatures: [&[u8]; 5] =
        [b"\x1F\x8B", b"BZh", b"\xFD7zXZ\0", b"\x28\xB5\x2F\xFD", b"Dovecot-LZ4\x0D\x2A\x9B\xC5"];
    signatures.iter().any(|signature| start.starts_with(signature))
}

/// Returns whether two files have the same bytes. Returns false if they cannot be read.
pub(super) fn have_same_bytes(one: &Path, other: &Path, go_on: GoOn<'_>) -> Result<bool> {
    let reader = |path| open(path).map(|file| BufReader::with_capacity(CHUNK, file));
    let (Ok(mut one), Ok(mut other)) = (reader(one), reader(other)) else {
        return Ok(false);
    };
    loop {
        go_on()?;
        let (Ok(ones), Ok(others)) = (one.fill_buf(), other.fill_buf()) else {
            return Ok(false);
        };
        let length = ones.len().min(others.len());
        if length == 0 || ones[..length] != others[..length] {
            return Ok(ones.is_empty() && others.is_empty());
        }
        one.consume(length);
        other.consume(length);
    }
}
