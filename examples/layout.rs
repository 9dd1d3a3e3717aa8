//! Prints the layout of mapisync's structs and vtables on the target for which this program is
//! built. It prints tables, to compare with the documentation, or with `--json` one JSON object, for
//! another program.
//!
//! It prints the published layouts. The crate compiles only if the compiler's layouts are the same.

use mapisync::abi::layout::{Layout, PointerWidth, published};
use serde_json::{Value, json};
use std::env::consts::{ARCH, OS};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const ENDIAN: &str = if cfg!(target_endian = "little") { "little" } else { "big" };

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let output = match &*arguments {
        [] => as_tables(),
        [argument] if argument == "--json" => format!("{:#}\n", as_json()),
        _ => {
            eprintln!("usage: layout [--json]");
            return ExitCode::from(2);
        }
    };
    match io::stdout().write_all(output.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("layout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn as_tables() -> String {
    let bits = 8 * PointerWidth::HERE.bytes();
    let mut output = format!("{ARCH} {OS}, {bits}-bit pointers, {ENDIAN}-endian\n");
    for layout in published(PointerWidth::HERE) {
        output += &format!("\n{layout}\n");
    }
    output
}

fn as_json() -> Value {
    let layout = |layout: &Layout<'_>| {
        let fields: Vec<_> = layout
            .fields
            .iter()
            .map(|field| {
                let mut value =
                    json!({ "name": field.name, "offset": field.offset, "size": field.size });
                if let Some(slot) = field.slot {
                    value["slot"] = slot.into();
                }
                value
            })
            .collect();
        json!({ "name": layout.name, "size": layout.size, "align": layout.align, "fields": fields })
    };
    let layouts: Vec<_> = published(PointerWidth::HERE).iter().map(layout).collect();
    json!({
        "target": { "arch": ARCH, "os": OS, "pointer_bytes": PointerWidth::HERE.bytes(), "endian": ENDIAN },
        "layouts": layouts,
    })
}
