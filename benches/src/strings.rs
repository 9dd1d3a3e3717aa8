//! The strings that are measured, in both directions.

/// A string, and the keys of its two cases.
pub struct Sample {
    /// The case in which a peer's pointer passes it to C++, from UTF-8.
    pub out: &'static str,
    /// The case in which C++ passes it to a peer's object, in UTF-16.
    pub incoming: &'static str,
    /// The string.
    pub string: &'static str,
}

impl Sample {
    const fn new(out: &'static str, incoming: &'static str, string: &'static str) -> Sample {
        Sample {
            out,
            incoming,
            string,
        }
    }
}

/// Four of 40 characters, and one that is longer than the stack buffers of the peers.
pub const SAMPLES: [Sample; 5] = [
    Sample::new("string_out_ascii", "string_in_ascii", ASCII),
    Sample::new(
        "string_out_cyrillic",
        "string_in_cyrillic",
        "Загрузка писем из папки «Входящие»: идёт",
    ),
    Sample::new(
        "string_out_japanese",
        "string_in_japanese",
        "受信トレイから新しいメッセージを受信しています、しばらくお待ちください。残り三件",
    ),
    Sample::new(
        "string_out_emoji",
        "string_in_emoji",
        "📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦📬📭📮📩📨📧💌📥📤📦",
    ),
    Sample::new(
        "string_out_300",
        "string_in_300",
        "Receiving message 1234 of 5678 in Inbox: \"Minutes of the meeting on the programme of the next \
         six months, with the tables that were promised last week, the list of those who attended, and \
         everything that was said about the new building by the river, for comments until Friday\". So \
         far 1 kB of 40,960.",
    ),
];

/// The first sample.
pub const ASCII: &str = "Receiving message 1234 of 5678 in Inbox.";

/// Encodes a string as users of crates that bring no strings of their own do it.
pub fn to_utf16(string: &str) -> Vec<u16> {
    string.encode_utf16().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_have_their_lengths() {
        for (sample, length) in SAMPLES.iter().zip([40, 40, 40, 40, 300]) {
            assert_eq!(sample.string.chars().count(), length, "{}", sample.out);
        }
    }
}
