//! Prints what crosses the boundary, byte by byte, as this compiler laid it out for the target that this program is
//! built for: for reading beside the documentation, or with `--json` for other programs to compare.

use clap::Parser;
use mapisync::abi::layout::{GUIDS, GuidBytes, Layout, PointerWidth, STDCALL_BYTES, measured};
use serde_json::{Value, json};
use std::env::consts::{ARCH, OS};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Prints mapisync's structs, vtables and identifiers as they lie in memory on this target.
#[derive(Parser)]
struct Arguments {
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

const ENDIAN: &str = if cfg!(target_endian = "little") {
    "little"
} else {
    "big"
};

fn main() -> ExitCode {
    let text = if Arguments::parse().json {
        format!("{:#}\n", for_programs())
    } else {
        for_people()
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("layout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn for_people() -> String {
    let bits = 8 * PointerWidth::HERE.bytes();
    let mut text = format!("{ARCH} {OS}, {bits}-bit pointers, {ENDIAN}-endian\n\n");
    for layout in measured() {
        text += &format!("{layout}\n\n");
    }
    text += "Identifiers, as they lie in memory\n";
    for guid in &GUIDS {
        text += &format!("  {}  {}  {}\n", hex(guid, " "), guid.guid, guid.name);
    }
    text += "\nBytes that a method takes off the stack on 32-bit x86 Windows, `this` included\n";
    for entry in &STDCALL_BYTES {
        text += &format!(
            "  {:5}  {}::{}\n",
            entry.bytes, entry.interface, entry.method
        );
    }
    text
}

fn for_programs() -> Value {
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
    let guid = |guid: &GuidBytes| json!({ "name": guid.name, "guid": guid.guid.to_string(), "memory": hex(guid, "") });
    json!({
        "target": { "arch": ARCH, "os": OS, "pointer_bytes": PointerWidth::HERE.bytes(), "endian": ENDIAN },
        "layouts": measured().iter().map(layout).collect::<Vec<_>>(),
        "guids": GUIDS.iter().map(guid).collect::<Vec<_>>(),
        "stdcall_bytes": STDCALL_BYTES
            .iter()
            .map(|entry| json!({ "interface": entry.interface, "method": entry.method, "bytes": entry.bytes }))
            .collect::<Vec<_>>(),
    })
}

fn hex(guid: &GuidBytes, between: &str) -> String {
    guid.here().map(|byte| format!("{byte:02X}")).join(between)
}
