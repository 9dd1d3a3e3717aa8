//! The texts that are sent.

/// Texts in UTF-8, under the keys of their cases: of 40 characters each, but for the last.
pub const NARROW: [(&str, &str); 5] = [
    ("text_ascii", "Receiving message 1234 of 5678 in Inbox."),
    ("text_cyrillic", "Загрузка писем из папки «Входящие»: идёт"),
    (
        "text_japanese",
        "受信トレイから新しいメッセージを受信しています、しばらくお待ちください。残り三件",
    ),
    (
        "text_emoji",
        "📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦",
    ),
    ("text_300", LONG),
];

/// More than the stack buffers take.
const LONG: &str = "Receiving message 1234 of 5678 in Inbox: \"Minutes of the meeting on the programme of the next six \
months, with the tables that were promised last week, the list of those who attended, and everything that was said about \
the new building by the river, for comments until Friday\". So far 1 kB of 40,960.";

/// The first of them in UTF-16, and NUL.
pub const WIDE: &[u16; 41] = &{
    let bytes = NARROW[0].1.as_bytes();
    let mut wide = [0; 41];
    let mut at = 0;
    while at < bytes.len() {
        wide[at] = bytes[at] as u16;
        at += 1;
    }
    wide
};

/// What users of crates without texts of their own write to send one.
pub fn by_vec<R>(text: &str, send: impl FnOnce(*const u16) -> R) -> R {
    let wide: Vec<u16> = text.encode_utf16().chain([0]).collect();
    send(wide.as_ptr())
}

/// And to read one.
///
/// # Safety
///
/// `text` is terminated.
pub unsafe fn read(text: *const u16) -> String {
    // SAFETY: not beyond the end.
    let length = (0..)
        .take_while(|at| unsafe { *text.add(*at) } != 0)
        .count();
    // SAFETY: so long it is.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_have_the_lengths_that_are_said() {
        for ((case, text), length) in NARROW.iter().zip([40, 40, 40, 40, 300]) {
            assert_eq!(text.chars().count(), length, "{case}");
        }
        let wide: Vec<u16> = NARROW[0].1.encode_utf16().chain([0]).collect();
        assert_eq!(wide, WIDE);
    }
}
