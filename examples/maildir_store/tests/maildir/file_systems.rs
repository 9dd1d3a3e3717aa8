//! Permissions, full disks, and disks of other kinds. Most tests run in a mount namespace, so that
//! no mount is left behind in any case.

use crate::trees::*;
use mapisync::HRESULT;
use mapisync::testing::Call;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};
use test_support::{quoted, unshare};

fn set_mode(path: &Path, bits: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(bits)).unwrap();
}

#[test]
fn the_modes_of_existing_folders_stay() {
    let trees = Trees::new(&[("new/1.host", MAIL), (".A/cur/2.host:2,S", MAIL)], &[]);
    trees.run(WHOLE).assert_ok();
    // They may be stricter or not.
    let modes = [("cur", 0o711), ("new", 0o500), (".A", 0o750)];
    for (path, bits) in modes {
        set_mode(&trees.local.join(path), bits);
    }
    write(&trees.server, "cur/3.host:2,S", MAIL);
    trees.run(WHOLE).assert_ok();
    for (path, bits) in modes {
        let metadata = fs::metadata(trees.local.join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, bits, "{path}");
    }
}

/// Does a job as root of a new mount namespace, after a script has mounted something there.
fn run_mounted(trees: &Trees, mut unshare: Command, mount: &str, job: &str) {
    let program = quoted(&env::current_exe().unwrap());
    let script = format!("{mount} && {program} --exact child --nocapture");
    let run = trees.bequeath(unshare.args(["sh", "-c", &script]), job);
    assert!(run.status().unwrap().success());
}

/// Does a job of a test of this file.
pub fn child(job: &str, trees: &Trees) {
    match job {
        "full" => fills_the_disk(trees),
        "read-only" => cannot_write(trees),
        "nobody" => reads_permitted_files(trees),
        "exfat" => ignores_case(trees),
        _ => panic!("{job}"),
    }
}

#[test]
fn a_full_disk_ends_the_run_with_its_code_and_a_larger_disk_lets_the_next_run_complete() {
    let trees = Trees::new(&[], &[]);
    for n in 0..40_u8 {
        let content = char::from(n).to_string().repeat(100_000);
        write(&trees.server, &format!("new/{n}.host"), &content);
    }
    fs::create_dir(&trees.local).unwrap();
    let local = trees.local.display();
    let mount = format!("mount -t tmpfs -o size=1m tmpfs '{local}'");
    if let Some(unshare) = unshare(&["--mount"], &mount) {
        run_mounted(&trees, unshare, &mount, "full");
        let left = fs::read_dir(&trees.local).unwrap().count();
        assert_eq!(left, 0, "the disk is unmounted");
    }
}

fn fills_the_disk(trees: &Trees) {
    for flags in [WHOLE, BOTH] {
        let outcome = trees.run(flags);
        outcome.assert_status(HRESULT::MAPI_E_NOT_ENOUGH_DISK);
        let failure = outcome.calls()[outcome.calls().len() - 2].call();
        let Call::Error(HRESULT::MAPI_E_NOT_ENOUGH_DISK, Some(message)) = failure else {
            panic!("{outcome}")
        };
        let is_named = message.contains("/local/new/") && message.contains(".host: ");
        assert!(is_named, "{message}");
        // Everything that is there is complete, and nothing is in `tmp`.
        let (here, there) = (mail(&trees.local), mail(&trees.server));
        assert!((5..11).contains(&here.len()), "{}", here.len());
        assert!(here.iter().all(|(path, content)| there[path] == *content));
    }
    let mut mount = Command::new("mount");
    let grow = mount.args(["-o", "remount,size=64m"]).arg(&trees.local);
    assert!(grow.status().unwrap().success());
    trees.run(BOTH).assert_ok();
    trees.assert_equal();
}

#[test]
fn if_nothing_can_be_written_the_run_fails_with_one_message() {
    let trees = Trees::new(&[], &[("/", "")]);
    for n in 0..50 {
        write(&trees.server, &format!("new/{n}.host"), MAIL);
    }
    // The whole tree is read-only, or only the folder to write to.
    for path in ["", "tmp", "new"].map(|sub| trees.local.join(sub)) {
        let path = path.display();
        let mount = format!("mount --bind '{path}' '{path}' && mount -o remount,bind,ro '{path}'");
        if let Some(unshare) = unshare(&["--mount"], &mount) {
            run_mounted(&trees, unshare, &mount, "read-only");
        }
    }
}

fn cannot_write(trees: &Trees) {
    let outcome = trees.run(WHOLE);
    outcome.assert_status(HRESULT::MAPI_E_NO_ACCESS);
    assert_eq!(warnings(&outcome).len(), 1, "{outcome}");
}

/// Runs as a user who may not read every file. Root may, so the test then runs as the user
/// `nobody`.
#[test]
fn unreadable_files_are_reported_by_name_and_the_rest_arrives() {
    let good = [(".Open/new/good", "1"), ("new/good", "2")];
    let trees = Trees::new(&good, &[("/", "")]);
    write(&trees.server, "new/secret", "3");
    write(&trees.server, ".Shut/new/lost", "4");
    set_mode(&trees.server.join("new/secret"), 0o000);
    set_mode(&trees.server.join(".Shut/new"), 0o000);
    let this = env::current_exe().unwrap();
    let mut run = test_support::run(&this);
    if rustix::process::geteuid().is_root() {
        const USER_NOBODY: u32 = 65534;
        let dir = trees.server.parent().unwrap();
        set_mode(dir, 0o755);
        let program = dir.join("program");
        fs::copy(this, &program).unwrap(); // that user may not reach the build folder
        run = test_support::run(&program);
        run.uid(USER_NOBODY).gid(USER_NOBODY).current_dir(dir);
        for path in ["", "cur", "new", "tmp"].map(|sub| trees.local.join(sub)) {
            chown(path, Some(USER_NOBODY), Some(USER_NOBODY)).unwrap();
        }
    }
    let run = run.args(["--exact", "child"]);
    let status = trees.bequeath(run, "nobody").status();
    set_mode(&trees.server.join(".Shut/new"), 0o755);
    assert!(status.unwrap().success());
    trees.assert_local(&good);
}

fn reads_permitted_files(trees: &Trees) {
    let left_out = ["new/secret: Permission denied", ".Shut/new: Permission denied"];
    assert_left_out(&trees.run(WHOLE), &left_out);
}

/// On exFAT, which ignores case, allows no `:` in names, and knows no second name for a file. It
/// needs Debian's packages exfat-fuse and exfatprogs, and runs only where they are installed.
#[test]
fn names_that_differ_only_in_case_are_left_out_and_not_merged() {
    let server = [
        (".Work/new/Work.host", MAIL),
        (".work/new/work.host", MAIL),
        ("cur/1Ia.host:2,S", "one"),
        ("cur/1IA.host:2,S", "other"),
        ("cur/2.host:2,FS", MAIL),
    ];
    let trees = Trees::new(&server, &[]);
    let disk = trees.server.with_file_name("disk");
    let [disk, local] = [disk.display(), trees.local.display()];
    let mount = format!(
        "truncate -s 8M '{disk}' && mkfs.exfat '{disk}' && mkdir -p '{local}' \
         && device=$(losetup -f --show '{disk}') && trap 'umount {local}; losetup -d $device' EXIT \
         && mount.exfat-fuse $device '{local}'"
    );
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        unshare
    };
    let output = unshare().args(["sh", "-c", &mount]).output();
    if output.is_ok_and(|output| output.status.success()) {
        run_mounted(&trees, unshare(), &mount, "exfat");
    } else {
        eprintln!("skipped: this system has no exFAT");
    }
}

fn ignores_case(trees: &Trees) {
    for _ in 0..2 {
        let outcome = trees.run(WHOLE);
        let words = "the name of another entry differs only in case or accents";
        assert_left_out(&outcome, &[words; 2]);
        let files = mail(&trees.local);
        let mut names: Vec<_> = files.keys().map(|name| name.to_lowercase()).collect();
        names.sort_unstable();
        let expected = [".work/new/work.host", "cur/1ia.host;2,s", "cur/2.host;2,fs"];
        assert_eq!(names, expected, "{outcome}");
    }
    // A stub is completed there, too.
    write(&trees.server, "cur/3.host:2,S", MAIL);
    for flags in [HEADERS, WHOLE] {
        let outcome = trees.run(flags);
        outcome.assert_status(HRESULT::MAPI_W_PARTIAL_COMPLETION);
    }
    let arrived = mail(&trees.local);
    assert_eq!(arrived.len(), 4, "{arrived:?}");
    assert_eq!(arrived["cur/3.host;2,S"], MAIL);
    // Nor is a message uploaded into the wrong folder.
    let before = mail(&trees.server);
    trees.run(UPLOAD).assert_ok();
    assert_eq!(mail(&trees.server), before);
}
