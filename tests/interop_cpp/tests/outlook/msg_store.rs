//! The common part of both stores: the methods of IMsgStore, and the payload that synchronizes.

use mapisync::{Class, HRESULT, MapiSync, Result, SyncRequest, abi};
use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::{ENTRYID, IMAPISession};
pub use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::{IMsgStore, IMsgStore_Impl};
use std::ffi::c_void;
use std::sync::{Arc, Mutex};
use test_support::DropToken;
use windows_core::{GUID, Interface};

/// The calls of the methods, with their arguments.
#[derive(Clone, Default)]
pub struct Calls(pub Arc<Mutex<Vec<String>>>);

impl Calls {
    pub fn note(&self, call: String) {
        self.0.lock().unwrap().push(call);
    }
}

/// Returns the bytes of an entry identifier, which are a string in this test.
///
/// # Safety
///
/// `entry` must point to `size` bytes.
pub unsafe fn entry_bytes(size: u32, entry: *const ENTRYID) -> String {
    // SAFETY: the pointer is valid for this size by this function's contract.
    let bytes = unsafe { std::slice::from_raw_parts(entry.cast::<u8>(), size as usize) };
    String::from_utf8_lossy(bytes).into_owned()
}

fn entry(bytes: &'static str) -> (u32, *mut ENTRYID) {
    (bytes.len() as u32, bytes.as_ptr().cast_mut().cast())
}

/// Returns a failure without the error object of windows-rs, which MAPI does not use.
pub fn failed<T>(code: HRESULT) -> windows_core::Result<T> {
    Err(windows_core::Error::from_hresult(windows_core::HRESULT(code.0)))
}

/// Returns the code of a result of windows-rs.
fn code(result: windows_core::Result<()>) -> HRESULT {
    HRESULT(result.map_or_else(|error| error.code().0, |()| 0))
}

/// The payload, which synchronizes.
pub struct Payload(#[allow(dead_code)] pub DropToken);

/// For the store that aggregates the payload.
impl Class for Payload {
    type Interfaces = (abi::IMAPISync,);
}

impl MapiSync for Payload {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let borrowed = request.session().ok_or(HRESULT::E_INVALIDARG)?;
        let raw = borrowed.as_raw().cast::<c_void>();
        // SAFETY: the pointer is an IMAPISession by the documentation of MAPISIB, and `borrowed`
        // borrows it.
        let session = unsafe { IMAPISession::from_raw_borrowed(&raw) }.unwrap();
        let ((a, inbox), (b, out)) = (entry("inbox"), entry("out"));
        let (mut error, mut equal) = (std::ptr::dangling_mut(), 0);
        // SAFETY: every pointer is valid during its call. The methods only read the identifiers, by
        // their documentation.
        let compared = unsafe {
            let not_found = windows_core::HRESULT(HRESULT::MAPI_E_NOT_FOUND.0);
            let result = session.GetLastError(not_found, 31, &mut error);
            assert_eq!((code(result), error.is_null()), (HRESULT::MAPI_E_BUSY, true));
            session.CompareEntryIDs(a, inbox, b, out, 32, &mut equal)
        };

        // A pointer of windows-rs must stay on its thread, so a `ComPtr` takes the session to the
        // other one.
        let kept = borrowed.to_ptr();
        request.spawn(move |job| {
            // MAPI's own session would need MAPIInitialize here. The host's session is
            // free-threaded.
            // SAFETY: the pointer is an IMAPISession, and `into_raw` gives up its reference.
            let session = unsafe { IMAPISession::from_raw(kept.into_raw().cast()) };
            let mut iid = GUID::from_u128(0x5024A385_2D44_486A_81A8_8F0ECB6071DD);
            // SAFETY: every pointer is valid during its call.
            let prepared = unsafe { session.PrepareForm(&mut iid, None, &mut 0) };
            drop(session);
            job.error(code(compared), &format!("compared: {equal}"));
            job.error(code(prepared), "prepared");
            job.progress(Some("ü"), 1, 2)?;
            Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION)
        })
    }
}

/// Methods that the host does not call.
macro_rules! not_supported {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)+) => {$(
        fn $name(&self, $(_: $argument),*) -> windows_core::Result<not_supported!(@ $($result)?)> {
            $crate::msg_store::failed(mapisync::HRESULT::MAPI_E_NO_SUPPORT)
        }
    )+};
    (@) => { () };
    (@ $result:ty) => { $result };
}
pub(crate) use not_supported;

/// The methods of IMAPIProp and IMsgStore for an object that has `calls`. They log their arguments,
/// and each returns another code, so that a wrong vtable slot shows. They assert nothing, because
/// windows-core does not catch panics, which would end the process. The traits declare the methods
/// as safe, but their pointers are only valid because MAPI's callers must pass valid ones.
macro_rules! msg_store {
    ($object:ty) => {
        const _: () = {
            use $crate::msg_store::{IMsgStore_Impl, entry_bytes, failed, not_supported};
            use mapisync::HRESULT as Code;
            use outlook_mapi_sys::Microsoft::Office::Outlook::MAPI::Win32::*;
            use std::ptr::null_mut;
            use windows_core::{GUID, HRESULT, IUnknown, OutRef, Ref, Result};
            type P<T> = *mut T;

            impl IMAPIProp_Impl for $object {
                fn GetLastError(&self, result: HRESULT, flags: u32, error: P<P<MAPIERROR>>) -> Result<()> {
                    self.calls.note(format!("GetLastError({:08X}, {flags})", result.0));
                    // SAFETY: by its documentation, `lppMAPIError` is an out parameter.
                    unsafe { *error = null_mut() };
                    Ok(())
                }
                fn SaveChanges(&self, flags: u32) -> Result<()> {
                    self.calls.note(format!("SaveChanges({flags})"));
                    failed(Code::MAPI_E_OBJECT_CHANGED)
                }
                not_supported! {
                    GetIDsFromNames(u32, P<P<MAPINAMEID>>, u32, P<P<SPropTagArray>>);
                    GetProps(P<SPropTagArray>, u32, P<u32>, P<P<SPropValue>>);
                    GetPropList(u32, P<P<SPropTagArray>>);
                    OpenProperty(u32, P<GUID>, u32, u32, OutRef<IUnknown>);
                    SetProps(u32, P<SPropValue>, P<P<SPropProblemArray>>);
                    DeleteProps(P<SPropTagArray>, P<P<SPropProblemArray>>);
                    CopyTo(
                        u32, P<GUID>, P<SPropTagArray>, usize, Ref<IMAPIProgress>, P<GUID>, P<std::ffi::c_void>, u32,
                        P<P<SPropProblemArray>>
                    );
                    CopyProps(
                        P<SPropTagArray>, usize, Ref<IMAPIProgress>, P<GUID>, P<std::ffi::c_void>, u32,
                        P<P<SPropProblemArray>>
                    );
                    GetNamesFromIDs(P<P<SPropTagArray>>, P<GUID>, u32, P<u32>, P<P<P<MAPINAMEID>>>);
                }
            }

            impl IMsgStore_Impl for $object {
                fn CompareEntryIDs(
                    &self,
                    a: u32,
                    one: P<ENTRYID>,
                    b: u32,
                    other: P<ENTRYID>,
                    flags: u32,
                    result: P<u32>,
                ) -> Result<()> {
                    // SAFETY: by its documentation, the method receives identifiers, each with its
                    // size, and an out parameter.
                    let (one, other) = unsafe {
                        *result = 1;
                        (entry_bytes(a, one), entry_bytes(b, other))
                    };
                    self.calls.note(format!("CompareEntryIDs({one}, {other}, {flags})"));
                    Ok(())
                }
                fn NotifyNewMail(&self, news: P<NOTIFICATION>) -> Result<()> {
                    // SAFETY: the host passes a notification of new mail, for which the union has
                    // this member.
                    let (kind, id) = unsafe {
                        let mail = (*news).info.newmail;
                        ((*news).ulEventType, entry_bytes(mail.cbEntryID, mail.lpEntryID))
                    };
                    self.calls.note(format!("NotifyNewMail({kind}, {id})"));
                    failed(Code::MAPI_E_NETWORK_ERROR)
                }
                not_supported! {
                    StoreLogoff(P<u32>);
                    OpenEntry(u32, P<ENTRYID>, P<GUID>, u32, P<u32>, OutRef<IUnknown>);
                    FinishedMsg(u32, u32, P<ENTRYID>);
                    Advise(u32, P<ENTRYID>, u32, Ref<IMAPIAdviseSink>, P<usize>);
                    Unadvise(usize);
                    SetReceiveFolder(P<i8>, u32, u32, P<ENTRYID>);
                    GetReceiveFolder(P<i8>, u32, P<u32>, P<P<ENTRYID>>, P<P<i8>>);
                    GetReceiveFolderTable(u32) -> IMAPITable;
                    AbortSubmit(u32, P<ENTRYID>, u32);
                    GetOutgoingQueue(u32) -> IMAPITable;
                    SetLockState(Ref<IMessage>, u32);
                }
            }
        };
    };
}
pub(crate) use msg_store;
