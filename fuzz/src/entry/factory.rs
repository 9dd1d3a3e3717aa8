//! `CreateMapiSync`, the exported function of the example library.

use super::arguments::Arguments;
use super::program::{Factory, Ppv};
use super::world::{MADE, Object, World, count};
use crate::process::TIMEOUT;
use crate::provider_dll::CreateMapiSync;
use crate::work_folder::WorkFolder;
use mapisync::abi::IMAPISync;
use mapisync::testing::Recorder;
use mapisync::{ComPtr, Error, HRESULT, SyncFlags, SyncHost};
use std::{env, fs, ptr};

/// Calls the function for a store whose server is an empty Maildir or does not exist.
pub fn factory(world: &mut World, factory: &Factory) {
    let object = &mut world.objects[MADE];
    let there_was_one = !object.held.is_empty();
    if !there_was_one {
        // The next object may have other addresses.
        object
            .pointers
            .iter_mut()
            .for_each(|(_, pointer)| *pointer = None);
        drop(world.folder.take());
        let folder = WorkFolder::new();
        let server = folder.path().join("server");
        if factory.there_is_a_server {
            for sub in ["cur", "new", "tmp"] {
                fs::create_dir_all(server.join(sub)).expect("a folder can be made");
            }
        }
        // SAFETY: no other thread accesses the environment at this time. The threads of earlier
        // operations have ended, and libFuzzer's own thread only watches the memory.
        unsafe {
            env::set_var("MAPISYNC_SERVER", server);
            env::set_var("MAPISYNC_LOCAL", folder.path().join("local"));
        }
        world.folder = Some(folder);
    }
    // The function nulls the out parameter before it reads the IID, so the two must not overlap.
    let arguments = match factory.ppv {
        Ppv::Inside { offset: shift } => Arguments::new(&factory.riid, &Ppv::Own { shift }),
        _ => Arguments::new(&factory.riid, &factory.ppv),
    };
    // SAFETY: the arguments are NULL or valid, at any alignment.
    let code = unsafe { CreateMapiSync(arguments.riid(), arguments.ppv()) };
    let opens = there_was_one || factory.there_is_a_server;
    if arguments.out().is_some() && arguments.iid.is_some() && !opens {
        assert_eq!(
            (code, arguments.out()),
            (HRESULT::MAPI_E_NOT_FOUND, Some(ptr::null_mut()))
        );
        return;
    }
    // A second object is another view of the same store. It is not kept.
    let mut second = Object::like(object);
    let out = arguments.check(
        code,
        if there_was_one {
            &mut second
        } else {
            &mut *object
        },
    );
    let Some(out) = out else {
        return;
    };
    assert_eq!(count(&out), 1);
    if let (Some(flags), Ok(sync)) = (factory.run, out.cast::<IMAPISync>()) {
        run(&sync, SyncFlags::from_bits_retain(flags));
    }
    if !there_was_one {
        object.held.push(out);
    }
}

fn run(sync: &ComPtr<IMAPISync>, flags: SyncFlags) {
    match SyncHost::new(Recorder::new()).start(sync, flags) {
        Ok(run) => assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK),
        Err(Error::Refused { code, .. }) => {
            assert_eq!(code, HRESULT::MAPI_E_NO_SUPPORT);
            assert!(flags.contains(SyncFlags::THESE_FOLDERS));
        }
        Err(error) => panic!("{error}"),
    }
}
