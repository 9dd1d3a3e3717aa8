//! The program in a terminal.

use crate::program::*;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs the program in a terminal of 60 columns that the program `script` emulates. A variable of
/// the environment without a value is removed.
fn in_terminal(arguments: &str, environment: &[(&str, Option<&str>)]) -> Option<Ended> {
    let program = test_support::quoted(Path::new(PROGRAM));
    let line = format!("stty cols 60 rows 24; {program} {arguments}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    for (name, value) in environment {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let Ok(output) = script.output() else {
        test_support::skip("the program `script` is missing (Debian package bsdutils)");
        return None;
    };
    Some(output.into())
}

#[test]
fn a_terminal_shows_bars_and_every_warning() {
    let parts = ["left out: ", "Broken: not a Maildir", "Receiving Inbox: 2 of 2"];
    let bars = ["█", "Total", "/s", "Status    MAPI_W_PARTIAL_COMPLETION"];
    for (environment, more) in [
        (&[("TERM", Some("dumb"))][..], &[][..]),
        (&[("TERM", None)], &[]),
        (&[("TERM", Some("xterm"))], &bars),
        (&[("TERM", Some("xterm")), ("NO_COLOR", Some("1"))], &bars),
    ] {
        let folder = Folder::new();
        let (server, local) = (folder.create("server", [1, 2]), folder.path("local"));
        fs::create_dir(folder.path("server/.Broken")).unwrap();
        let Some(ended) = in_terminal(&format!("'{server}' '{local}'"), environment) else {
            return;
        };
        ended.assert_exit(2).assert_out(&parts).assert_out(more);
        let is_plain = !ended.out.contains('\u{1B}');
        assert_eq!(is_plain, more.is_empty(), "{environment:?}: {ended}");
        assert!(!ended.out.contains("\u{1B}[3"), "no color: {ended}");
    }
}

#[test]
fn the_help_wraps_at_the_width_of_the_terminal() {
    if let Some(ended) = in_terminal("--help", &[]) {
        ended.assert_exit(0).assert_out(&["--headers-only"]);
        let lines = ended.out.lines().map(|line| line.trim_end().chars().count());
        assert!((50..=60).contains(&lines.max().unwrap()), "{ended}");
    }
}
