//! Makes foreign text safe to print. A store is foreign to its host, and it passes names that
//! anybody may have chosen, who sent a mail or named a folder.

use std::borrow::Cow;

/// Replaces every character that a terminal obeys instead of showing it: the control characters of
/// ASCII and Latin-1, with which a name could set the title of the window or forge a line, and the
/// controls of writing direction, with which it could show other words.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(is_obeyed) {
        text.replace(is_obeyed, "\u{FFFD}").into()
    } else {
        text.into()
    }
}

fn is_obeyed(character: char) -> bool {
    character.is_control() // C0, DEL and C1
        || matches!(character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
