//! The strings that a peer's pointers pass to C++, from UTF-8.

/// The cases with their strings. Four have 40 characters. The last has 300, which is longer than the
/// stack buffers of the peers.
pub const STRINGS: [(&str, &str); 5] = [
    ("string_out_ascii", ASCII),
    ("string_out_cyrillic", "Загрузка писем из папки «Входящие»: идёт"),
    (
        "string_out_japanese",
        "受信トレイから新しいメッセージを受信しています、しばらくお待ちください。残り三件",
    ),
    (
        "string_out_emoji",
        "📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦",
    ),
    (
        "string_out_300",
        "Receiving message 1234 of 5678 in Inbox: \"Minutes of the meeting on the programme of the next \
         six months, with the tables that were promised last week, the list of those who attended, and \
         everything that was said about the new building by the river, for comments until Friday\". So \
         far 1 kB of 40,960.",
    ),
];

/// The first of them.
pub const ASCII: &str = "Receiving message 1234 of 5678 in Inbox.";

/// Encodes a string as users of crates that bring no strings of their own do it.
pub fn to_utf16(string: &str) -> Vec<u16> {
    string.encode_utf16().chain([0]).collect()
}
