//! Makes foreign strings safe to print. A store is foreign to its host. It passes names that the
//! sender of a mail or the creator of a folder has chosen.

use std::borrow::Cow;

/// Replaces every character that a terminal obeys instead of showing it: the control characters of
/// ASCII and Latin-1, with which a name could set the title of the window or forge a line, and the
/// controls of writing direction, with which it could show other words.
pub fn printable(string: &str) -> Cow<'_, str> {
    if string.contains(is_obeyed) {
        string.replace(is_obeyed, "\u{FFFD}").into()
    } else {
        string.into()
    }
}

fn is_obeyed(character: char) -> bool {
    character.is_control() // C0, DEL and C1
        || matches!(character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
