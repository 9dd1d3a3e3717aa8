//! The arguments of the program.

use mapisync::GUID;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "\
usage: conform [OPTION]… LIBRARY

Checks whether the store provider in LIBRARY keeps the rules of COM and of MAPI's documentation.

  --symbol NAME      the function that creates the store (CreateMapiSync)
  --timeout SECONDS  the longest time for a call or a run (10)
  --cancel-within N  how often the store may call Progress after a failure of Progress (10)
  --iid GUID         another interface of the store, for COM's rules; may be repeated
  --json             prints the report as JSON
  --help             prints this text

The exit code is 0 if no rule failed, 1 if one failed, and 2 if there is no provider to check.";

pub struct Arguments {
    pub library: PathBuf,
    pub symbol: String,
    pub timeout: Duration,
    pub cancel_within: usize,
    pub iids: Vec<GUID>,
    pub json: bool,
}

pub enum Parsed {
    Check(Arguments),
    Help,
}

impl Arguments {
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Parsed, String> {
        let mut arguments = arguments.fuse();
        let mut library = None;
        let mut parsed = Arguments {
            library: PathBuf::new(),
            symbol: "CreateMapiSync".into(),
            timeout: Duration::from_secs(10),
            cancel_within: 10,
            iids: Vec::new(),
            json: false,
        };
        while let Some(argument) = arguments.next() {
            let name = argument.to_str().unwrap_or_default();
            let mut value = || {
                let value = arguments.next().and_then(|value| value.into_string().ok());
                value.ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--help" | "-h" => return Ok(Parsed::Help),
                "--json" => parsed.json = true,
                "--symbol" => parsed.symbol = value()?,
                "--timeout" => {
                    let seconds = value()?.parse().ok();
                    let timeout =
                        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                    parsed.timeout = timeout.ok_or("--timeout needs a number of seconds")?;
                }
                "--cancel-within" => {
                    let calls = value()?.parse();
                    parsed.cancel_within = calls.map_err(|_| "--cancel-within needs a number")?;
                }
                "--iid" => {
                    let iid = guid(&value()?);
                    parsed.iids.push(iid.ok_or("--iid needs a GUID with 32 hexadecimal digits")?);
                }
                _ if name.starts_with("--") => return Err(format!("there is no option {name}")),
                _ if library.is_some() => return Err("there is more than one library".into()),
                _ => library = Some(argument.into()),
            }
        }
        parsed.library = library.ok_or("there is no library")?;
        Ok(Parsed::Check(parsed))
    }
}

/// Reads a GUID, with or without hyphens and braces.
fn guid(string: &str) -> Option<GUID> {
    let digits = string.replace(['-', '{', '}'], "");
    let is_complete = digits.len() == 32;
    let value = u128::from_str_radix(&digits, 16).ok();
    value.filter(|_| is_complete).map(GUID::from_u128)
}
