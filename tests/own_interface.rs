//! The example `own_interface`, run as a user runs it.

#![cfg(not(miri))] // Miri cannot start a program

#[test]
fn one_object_serves_its_own_interface_and_imapisync() {
    let example = test_support::example("own_interface");
    let output = test_support::run(&example).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "Receiving Inbox (1 of 1)",
            "ended with S_OK (0x00000000)",
            "one object: IMsgStore, IMAPIProp, IMAPISync",
            "SaveChanges: MAPI_E_NO_SUPPORT (0x80040102)",
            "StoreLogoff: S_OK (0x00000000), flags 0x10000",
            "after that: MAPI_E_OFFLINE (0x80040126)",
        ]
    );
}
