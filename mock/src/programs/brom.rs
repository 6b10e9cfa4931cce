// SPDX-License-Identifier: GPL-2.0

//! The check of secure code on a falcon: its signature must fit the code, the engine and the fused
//! version. From GA102 on a boot ROM checks the signature before the program starts; up to GA100
//! the program starts with a non-secure part, and the hardware checks the rest when that part calls
//! it.
//!
//! The model has no keys: it compares the bytes of signed programs.
//!
//! Source: open-gpu-kernel-modules 570, kernel_gsp_falcon_ga102.c (what drivers program) and
//! kernel_gsp_frts_tu102.c, nouveau, nvkm/falcon/ga100.c (which signature belongs to which version).

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::brom::{BromModSel, ModSelAlgo};

use crate::block_id::FalconId;
use crate::blocks::falcon::Falcon;
use crate::fuses::Fuses;
use crate::images::ucode::{Trust, Ucode};

impl Ucode {
    /// Whether this code is loaded in `falcon`.
    pub(crate) fn is_code_of(&self, falcon: &Falcon) -> bool {
        falcon.imem.starts_with(&self.code)
    }

    /// The checks of the boot ROM before the program runs.
    pub(crate) fn verify(
        &self,
        falcon: &Falcon,
        engine: FalconId,
        fuses: &Fuses,
    ) -> Result<(), String> {
        if self.trust == Trust::BootRom {
            self.verify_parameters(falcon)?;
        }
        if self.engine_id_mask & engine.id().bit() == 0 {
            return Err(format!("the program is not for {engine:?}"));
        }
        if falcon.bootvec != self.code_address {
            return Err(format!(
                "BOOTVEC is {:#x}, the program starts at {:#x}",
                falcon.bootvec, self.code_address
            ));
        }
        self.verify_loaded(falcon, engine, fuses)
    }

    /// The checks of a program in the falcon's memories, however it was loaded.
    pub(crate) fn verify_loaded(
        &self,
        falcon: &Falcon,
        engine: FalconId,
        fuses: &Fuses,
    ) -> Result<(), String> {
        self.verify_code(falcon)?;
        self.verify_signature(falcon, engine, fuses)?;
        self.verify_data(falcon)
    }

    /// Checks the boot ROM's parameters.
    fn verify_parameters(&self, falcon: &Falcon) -> Result<(), String> {
        let brom = &falcon.brom;
        let algo = BromModSel::from(brom.mod_sel).algo();
        if algo != ModSelAlgo::Rsa3k {
            return Err(format!("MOD_SEL names {algo:?} as algorithm, not RSA3K"));
        }
        if brom.engidmask != self.engine_id_mask {
            return Err(format!(
                "ENGIDMASK is {:#x}, the program is signed for {:#x}",
                brom.engidmask, self.engine_id_mask
            ));
        }
        if brom.ucode_id != self.ucode_id {
            return Err(format!(
                "CURR_UCODE_ID is {}, the program is signed as {}",
                brom.ucode_id, self.ucode_id
            ));
        }
        if brom.paraaddr != self.signature_at {
            return Err(format!(
                "PARAADDR is {:#x}, the program's signature belongs at {:#x}",
                brom.paraaddr, self.signature_at
            ));
        }
        Ok(())
    }

    fn verify_code(&self, falcon: &Falcon) -> Result<(), String> {
        let first = self.code_address / BLOCK_SIZE as u32;
        let stub = match self.trust {
            Trust::BootRom => 0,
            Trust::Stub(bytes) => bytes.div_ceil(BLOCK_SIZE as u32),
        };
        let blocks = self.code.len().div_ceil(BLOCK_SIZE);
        for (tag, block) in (first..).zip(&falcon.code[..blocks.min(falcon.code.len())]) {
            let secure = tag - first >= stub;
            if !block.valid || block.secure != secure {
                let not = if secure { "" } else { "not " };
                return Err(format!(
                    "code block {tag:#x} must be loaded as {not}secure code"
                ));
            }
            if block.tag != tag {
                return Err(format!("code block {tag:#x} is tagged {:#x}", block.tag));
            }
        }
        Ok(())
    }

    fn verify_signature(
        &self,
        falcon: &Falcon,
        engine: FalconId,
        fuses: &Fuses,
    ) -> Result<(), String> {
        if self.signatures.is_empty() {
            // The signature is part of the data, which is compared.
            return Ok(());
        }
        let fused = match self.trust {
            Trust::BootRom => fuses.version(engine.id(), self.ucode_id),
            Trust::Stub(_) => 0,
        };
        let Some(signature) = self.signature(fused) else {
            return Err(format!(
                "the program is not signed for the fused version {fused}"
            ));
        };
        let at = self.signature_at as usize;
        let loaded = falcon.dmem.get(at..).unwrap_or_default();
        if loaded.starts_with(signature) {
            return Ok(());
        }
        let other = self
            .signatures
            .iter()
            .any(|other| loaded.starts_with(other));
        Err(match other {
            true => format!("the signature is not the one for the fused version {fused}"),
            false => format!("there is no signature of the program at {at:#x} of the data memory"),
        })
    }

    fn verify_data(&self, falcon: &Falcon) -> Result<(), String> {
        let signature = self.signature_at as usize;
        let signature = signature..signature + self.signatures.first().map_or(0, Vec::len);
        let wrong = self
            .data
            .iter()
            .zip(&falcon.dmem)
            .enumerate()
            .filter(|(_, (expected, found))| expected != found)
            .map(|(at, _)| at)
            .find(|at| {
                !signature.contains(at) && !self.parameters.iter().any(|hole| hole.contains(at))
            });
        match wrong {
            Some(at) => Err(format!(
                "byte {at:#x} of the data memory is not the program's"
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::falcon::brom::Brom;
    use crate::blocks::falcon::memory::CodeBlock;
    use crate::chips::Generation;
    use crate::images::ucode::Versions;

    fn ucode() -> Ucode {
        Ucode {
            code: vec![0x11; 0x200],
            code_address: 0x100,
            trust: Trust::BootRom,
            data: vec![0x22; 0x200],
            parameters: Vec::from([0x1e0..0x1f0, 0x1f0..0x200]),
            signature_at: 0x10,
            signatures: vec![vec![1; 384], vec![2; 384]],
            versions: Versions::Descending(1),
            engine_id_mask: 1,
            ucode_id: 3,
        }
    }

    /// A falcon with the program loaded correctly.
    fn loaded(ucode: &Ucode) -> Falcon {
        let mut falcon = Falcon::new(Generation::Ga102);
        falcon.imem[..ucode.code.len()].copy_from_slice(&ucode.code);
        for (tag, block) in (1..3).zip(&mut falcon.code) {
            *block = CodeBlock {
                tag,
                secure: true,
                valid: true,
            };
        }
        falcon.dmem[..ucode.data.len()].copy_from_slice(&ucode.data);
        falcon.dmem[0x10..0x10 + 384].fill(1);
        falcon.bootvec = 0x100;
        falcon.brom = Brom {
            mod_sel: 1,
            ucode_id: 3,
            engidmask: 1,
            paraaddr: 0x10,
        };
        falcon
    }

    fn refused(change: impl FnOnce(&mut Falcon)) -> String {
        let ucode = ucode();
        let mut falcon = loaded(&ucode);
        change(&mut falcon);
        ucode
            .verify(&falcon, FalconId::Sec2, &Fuses::default())
            .unwrap_err()
    }

    #[test]
    fn a_program_that_is_loaded_correctly_runs() {
        let ucode = ucode();
        let mut falcon = loaded(&ucode);
        falcon.dmem[0x1f5] = 0;
        assert!(ucode.is_code_of(&falcon));
        assert_eq!(
            ucode.verify(&falcon, FalconId::Sec2, &Fuses::default()),
            Ok(())
        );
    }

    #[test]
    fn each_error_is_named() {
        assert!(refused(|falcon| falcon.brom.mod_sel = 0).contains("RSA3K"));
        assert!(refused(|falcon| falcon.brom.engidmask = 0x400).contains("ENGIDMASK"));
        assert!(refused(|falcon| falcon.brom.ucode_id = 4).contains("CURR_UCODE_ID"));
        assert!(refused(|falcon| falcon.brom.paraaddr = 0).contains("PARAADDR"));
        assert!(refused(|falcon| falcon.bootvec = 0).contains("BOOTVEC"));
        assert!(refused(|falcon| falcon.code[1].secure = false).contains("secure"));
        assert!(refused(|falcon| falcon.code[1].tag = 7).contains("tagged"));
        assert!(refused(|falcon| falcon.dmem[0x10..0x190].fill(2)).contains("fused version"));
        assert!(refused(|falcon| falcon.dmem[0x10..0x190].fill(3)).contains("no signature"));
        assert!(refused(|falcon| falcon.dmem[0x1a0] = 0).contains("0x1a0"));
    }

    #[test]
    fn the_wrong_engine_is_refused() {
        let ucode = ucode();
        let error = ucode.verify(&loaded(&ucode), FalconId::Gsp, &Fuses::default());
        assert!(error.unwrap_err().contains("not for Gsp"));
    }
}
