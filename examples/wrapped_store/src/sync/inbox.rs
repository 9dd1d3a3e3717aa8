//! The folder of the inner store for new mail.

use super::message::Parsed;
use crate::mapi::*;
use mapisync::abi::IUnknown;
use mapisync::{ComPtr, Error, HRESULT, Interface, Result};
use std::ptr;

/// The folder of a store to which new mail goes.
pub struct Inbox {
    folder: ComPtr<IMAPIFolder>,
    memory: MapiMemory,
}

impl Inbox {
    /// Opens the folder for mail.
    ///
    /// # Errors
    ///
    /// The code of `GetReceiveFolder`, `OpenEntry` or `QueryInterface`.
    pub fn open(store: &ComPtr<IMsgStore>, memory: MapiMemory) -> Result<Inbox> {
        let folder = receive_folder(store, &memory).and_then(|folder| folder.cast());
        let folder = for_user(folder, "the inbox cannot be opened")?;
        Ok(Inbox { folder, memory })
    }

    /// Creates a message, and saves it. If a call fails, the message is released without being
    /// saved, which discards it.
    ///
    /// # Errors
    ///
    /// The code of `CreateMessage`, `SetProps`, `ModifyRecipients` or `SaveChanges`.
    pub fn deliver(&self, parsed: &Parsed) -> Result<()> {
        let message = for_user(self.create(), "it cannot be created")?;
        let set = self.set_properties(&message, &parsed.properties);
        for_user(set, "the store refuses it")?;
        if !parsed.recipients.is_empty() {
            let added = self.add_recipients(&message, &parsed.recipients);
            for_user(added, "the store refuses its recipients")?;
        }
        for_user(message.SaveChanges(0).ok(), "it cannot be saved")
    }

    fn create(&self) -> Result<ComPtr<IMessage>> {
        let mut message = ptr::null_mut();
        // SAFETY: NULL requests `IMessage`, and `message` is valid for a write.
        let code = unsafe { self.folder.CreateMessage(ptr::null(), 0, &mut message) };
        // SAFETY: a call that succeeds stores NULL or a pointer that owns a reference to a message.
        unsafe { returned(code, message) }
    }

    /// Sets the properties. A store may refuse some and succeed. The first of these is an error.
    fn set_properties(&self, message: &ComPtr<IMessage>, properties: &Properties) -> Result<()> {
        let values = properties.allocate(&self.memory)?;
        let mut problems = ptr::null_mut();
        // SAFETY: the buffer has as many values, and `problems` is valid for a write.
        let code = unsafe { message.SetProps(properties.count(), values.as_ptr(), &mut problems) };
        code.ok()?;
        // SAFETY: the call has succeeded, so this is NULL or a new buffer of MAPI's allocator.
        let Some(problems) = (unsafe { self.memory.take(problems) }) else {
            return Ok(());
        };
        // SAFETY: the buffer has as many problems as it says.
        let problem = unsafe {
            let count = (*problems.as_ptr()).cProblem;
            (count != 0)
                .then(|| (&raw const (*problems.as_ptr()).aProblem).cast::<SPropProblem>().read())
        };
        match problem {
            None => Ok(()),
            Some(problem) => HRESULT(problem.scode).ok(),
        }
    }

    fn add_recipients(&self, message: &ComPtr<IMessage>, recipients: &[Properties]) -> Result<()> {
        let list = AddressList::new(&self.memory, recipients)?;
        // SAFETY: the list is complete. The method may replace a recipient's properties by another
        // buffer of the same allocator, and does not free the list.
        unsafe { message.ModifyRecipients(MODRECIP_ADD, list.as_ptr()) }.ok()
    }
}

/// Gives an error a message for the user, who gets its code separately.
fn for_user<T>(result: Result<T>, message: &str) -> Result<T> {
    result.map_err(|error| Error::new(error.hresult(), message))
}

/// Returns the object of the folder for new mail.
fn receive_folder(store: &ComPtr<IMsgStore>, memory: &MapiMemory) -> Result<ComPtr<IUnknown>> {
    // Without `MAPI_UNICODE`, the class is a string of 8-bit units. The store only reads it.
    let class = c"IPM.Note".as_ptr().cast_mut().cast();
    let (mut length, mut entry_id) = (0, ptr::null_mut());
    // SAFETY: the class ends with a NUL. The out parameters are valid for a write, and NULL means
    // that the explicit class is not wanted.
    let code =
        unsafe { store.GetReceiveFolder(class, 0, &mut length, &mut entry_id, ptr::null_mut()) };
    code.ok()?;
    // SAFETY: the call has succeeded, so this is NULL or a new buffer of MAPI's allocator.
    let entry_id = unsafe { memory.take(entry_id) }.ok_or(HRESULT::MAPI_E_CALL_FAILED)?;
    let (mut kind, mut folder) = (0, ptr::null_mut());
    // SAFETY: the entry identifier has this length. The others are valid.
    let code = unsafe {
        let iid = &IMAPIFolder::IID;
        store.OpenEntry(length, entry_id.as_ptr(), iid, MAPI_MODIFY, &mut kind, &mut folder)
    };
    // SAFETY: a call that succeeds stores NULL or a pointer that owns a reference to an object of the
    // store.
    unsafe { returned(code, folder) }
}

/// An `ADRLIST`. It and the properties of each recipient are buffers of their own, as
/// `ModifyRecipients` demands.
struct AddressList<'a> {
    // Invariant: the properties of each recipient are NULL or a buffer that this list owns.
    list: MapiBuffer<ADRLIST>,
    memory: &'a MapiMemory,
}

impl<'a> AddressList<'a> {
    fn new(memory: &'a MapiMemory, recipients: &[Properties]) -> Result<AddressList<'a>> {
        // `ADRLIST` has the alignment of a pointer, so a number of words is large enough.
        let size = size_of::<ADRLIST>() + recipients.len() * size_of::<ADRENTRY>();
        let words = memory.allocate(&vec![0_usize; size.div_ceil(size_of::<usize>())])?;
        // SAFETY: the buffer is larger than the structure, and zeros are a list without recipients.
        let list = unsafe { memory.take(words.into_raw().cast()) };
        let list = list.ok_or(HRESULT::MAPI_E_NOT_ENOUGH_MEMORY)?;
        let list = AddressList { list, memory };
        for (index, recipient) in recipients.iter().enumerate() {
            let values = recipient.allocate(memory)?;
            let entry = ADRENTRY {
                ulReserved1: 0,
                cValues: recipient.count(),
                rgPropVals: values.into_raw(),
            };
            // SAFETY: the buffer has room for all recipients, and nothing else uses it.
            unsafe {
                list.entries().add(index).write(entry);
                (*list.as_ptr()).cEntries += 1;
            }
        }
        Ok(list)
    }

    fn as_ptr(&self) -> *mut ADRLIST {
        self.list.as_ptr()
    }

    fn entries(&self) -> *mut ADRENTRY {
        // SAFETY: the field is within the buffer.
        unsafe { (&raw mut (*self.as_ptr()).aEntries).cast() }
    }
}

impl Drop for AddressList<'_> {
    fn drop(&mut self) {
        // SAFETY: the list has as many recipients as it says, and owns their properties. The store
        // does not keep them.
        unsafe {
            for index in 0..(*self.as_ptr()).cEntries as usize {
                let values = (*self.entries().add(index)).rgPropVals;
                drop(self.memory.take(values));
            }
        }
    }
}
