//! Dovecot's keywords. A lower-case flag is an index into the file `dovecot-keywords` of its
//! folder: `a` may be `$Forwarded` in one folder and `Junk` in another.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The keywords of a folder.
#[derive(Default)]
pub(super) struct Keywords {
    /// The letters and their keywords.
    letters: Vec<(u8, String)>,
}

impl Keywords {
    /// Reads the keywords of a folder. A folder without the file has none.
    pub(super) fn read(folder: &Path) -> Keywords {
        const LONGEST: u64 = 1 << 16;
        let mut lines = String::new();
        let path = folder.join("dovecot-keywords");
        if path.is_file() {
            if let Ok(file) = File::open(path) {
                let _unreadable_has_none = file.take(LONGEST).read_to_string(&mut lines);
            }
        }
        let keyword = |line: &str| {
            let (index, keyword) = line.split_once(' ')?;
            let index: u8 = index.parse().ok().filter(|index| *index < 26)?;
            Some((b'a' + index, keyword.to_owned()))
        };
        Keywords { letters: lines.lines().filter_map(keyword).collect() }
    }

    /// Translates the flags of a message to those of another folder. A keyword that the other
    /// folder does not have is left out: only Dovecot may add one to the file.
    pub(super) fn translate(&self, flags: &[u8], to: &Keywords) -> Vec<u8> {
        let keyword = |flag: &u8| {
            let (_, keyword) = self.letters.iter().find(|(letter, _)| letter == flag)?;
            let other = to.letters.iter().find(|(_, other)| other == keyword)?;
            Some(other.0)
        };
        let is_keyword = |flag: &&u8| flag.is_ascii_lowercase();
        let mut translated: Vec<u8> = flags.iter().filter(is_keyword).filter_map(keyword).collect();
        translated.sort_unstable();
        translated.dedup();
        let others = flags.iter().filter(|flag| !is_keyword(flag)).copied();
        others.chain(translated).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_translated_by_both_files_or_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let keywords = |lines: &str| {
            std::fs::write(folder.path().join("dovecot-keywords"), lines).unwrap();
            Keywords::read(folder.path())
        };
        let server = keywords("0 $Forwarded\n1 Junk\n25 z\n26 beyond\nx y\n");
        let local = keywords("0 Junk\n3 $Forwarded\n");
        for (flags, expected) in
            [("S", "S"), ("FSa", "FSd"), ("Sab", "Sad"), ("Szc", "S"), ("aS", "Sd")]
        {
            let translated = server.translate(flags.as_bytes(), &local);
            assert_eq!(String::from_utf8(translated).unwrap(), expected, "{flags}");
        }
        assert_eq!(server.translate(b"Sab", &Keywords::default()), b"S");
        assert_eq!(Keywords::default().translate(b"Sab", &local), b"S");
    }
}
