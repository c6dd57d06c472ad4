//! Blocks of KV cache: who uses which, and which of the unused ones can still be reused for the prompt they hold.

use rustc_hash::FxHashMap;

/// The number of a block. Number 0 is no block but the ends of the ring of unused blocks.
pub(super) type BlockId = u32;

const RING: usize = 0;

/// The blocks of one server. Unused blocks keep their content until they are needed, the longest unused first.
#[derive(Clone, Debug)]
pub(super) struct KvCache {
    block_size: u32,
    total: u32,
    /// Grows up to `total`: blocks that were never used need no entry.
    blocks: Vec<Block>,
    /// Blocks in the ring.
    idle: u32,
    /// Which block holds the content of a key.
    cached: FxHashMap<u64, BlockId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// Requests that use it; with none it is in the ring.
    users: u32,
    previous: BlockId,
    next: BlockId,
    key: Option<u64>,
}

impl KvCache {
    pub(super) fn new(total: u32, block_size: u32) -> Self {
        KvCache { block_size, total, blocks: vec![Block::default()], idle: 0, cached: FxHashMap::default() }
    }

    pub(super) fn total(&self) -> u32 {
        self.total
    }

    pub(super) fn used(&self) -> u32 {
        self.total - self.free()
    }

    /// Blocks that nobody uses.
    fn free(&self) -> u32 {
        self.total - (self.blocks.len() as u32 - 1) + self.idle
    }

    /// Appends blocks to `held` until they have room for `tokens`; changes nothing if there are too few.
    #[inline]
    pub(super) fn extend(&mut self, held: &mut Vec<BlockId>, tokens: u32) -> bool {
        if tokens as usize <= held.len() * self.block_size as usize {
            return true;
        }
        let missing = tokens.div_ceil(self.block_size) - held.len() as u32;
        if missing > self.free() {
            return false;
        }
        for _ in 0..missing {
            let id = self.take();
            held.push(id);
        }
        true
    }

    /// Takes the blocks that hold the content of `keys`, as far as they are there without a gap, and then extends them
    /// with blocks for the first `budget` of the tokens beyond, of `tokens` in all. Returns how many blocks were there
    /// and how many tokens beyond; takes nothing if the blocks would not suffice for all `tokens`.
    pub(super) fn admit(
        &mut self,
        keys: impl Iterator<Item = u64>,
        held: &mut Vec<BlockId>,
        tokens: u32,
        budget: u32,
    ) -> Option<(u32, u32)> {
        held.extend(keys.map_while(|key| self.cached.get(&key)));
        let found = held.len() as u32;
        let count = (tokens - found * self.block_size).min(budget);
        // Blocks found in the ring are among the free ones, and are about to be taken too. Room for all tokens, not
        // only for those of the next step, is what vLLM asks by default: a long prompt would stop halfway otherwise.
        let revived = held.iter().filter(|&&id| self.blocks[id as usize].users == 0).count() as u32;
        let whole = tokens.div_ceil(self.block_size) - found;
        if whole + revived > self.free() {
            held.clear();
            return None;
        }
        let missing = (found * self.block_size + count).div_ceil(self.block_size) - found;
        for &id in &*held {
            if self.blocks[id as usize].users == 0 {
                self.unlink(id);
            }
            self.blocks[id as usize].users += 1;
        }
        for _ in 0..missing {
            let id = self.take();
            held.push(id);
        }
        Some((found, count))
    }

    /// Makes the content of a block in use known by `key`. If another block has the same content, that one stays known.
    pub(super) fn publish(&mut self, id: BlockId, key: u64) {
        let block = &mut self.blocks[id as usize];
        if block.key.is_none() {
            self.cached.entry(key).or_insert_with(|| {
                block.key = Some(key);
                id
            });
        }
    }

    /// Gives blocks back. The last of them is the first to lose its content: a prefix is of use without what follows.
    pub(super) fn release(&mut self, held: &mut Vec<BlockId>) {
        while let Some(id) = held.pop() {
            let block = &mut self.blocks[id as usize];
            block.users -= 1;
            if block.users == 0 {
                self.append(id);
            }
        }
    }

    /// A block for new content: one never used, or the one unused for longest. There must be one.
    fn take(&mut self) -> BlockId {
        if (self.blocks.len() as u32) <= self.total {
            self.blocks.push(Block { users: 1, ..Block::default() });
            return self.blocks.len() as u32 - 1;
        }
        let id = self.blocks[RING].next;
        self.unlink(id);
        let block = &mut self.blocks[id as usize];
        block.users = 1;
        if let Some(key) = block.key.take() {
            self.cached.remove(&key);
        }
        id
    }

    fn unlink(&mut self, id: BlockId) {
        let Block { previous, next, .. } = self.blocks[id as usize];
        self.blocks[previous as usize].next = next;
        self.blocks[next as usize].previous = previous;
        self.idle -= 1;
    }

    fn append(&mut self, id: BlockId) {
        let last = self.blocks[RING].previous;
        self.blocks[id as usize].previous = last;
        self.blocks[id as usize].next = RING as u32;
        self.blocks[last as usize].next = id;
        self.blocks[RING].previous = id;
        self.idle += 1;
    }
}
