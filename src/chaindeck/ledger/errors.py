"""What can be wrong with outside data, one class and one stable code for each rule.

    RuleError                 a rule is violated by data from outside
    |- EncodingError          bytes are not the one encoding of anything
    |- JsonFormError          JSON is not the form of a transaction or document
    |- AddressError           text is not an address of this network
    |- TransactionError       a transaction breaks a rule of its own or of the coins it spends
    |- MerkleBranch           a leaf is not where a branch says
    |- HeaderError            a header breaks a rule of its place in the chain
    |- BlockError             a body breaks a rule
    |- SealError              a block is sealed by nobody who may
    |- CheckpointError        a checkpoint is not what enough signers said
    |- ChainError             a command names a branch that cannot be treated so
    |- GenesisError           a genesis document is not usable
    `- PoolError              policy: valid, but not wanted now

Every instance carries the code, the offending field where there is one, and typed values. Codes
are used in APIs, logs and metrics, and never change their meaning. `is_blamed` says whether the
sender could have known better: nobody is punished for a lost race.
"""

from __future__ import annotations

from typing import ClassVar

Value = int | str


class CodedError(Exception):
    """Anything expected that can go wrong, in any room: a stable code, a message made of values."""

    code: ClassVar[str]
    message: ClassVar[str]

    def __init__(self, *, field: str | None = None, **values: Value) -> None:
        self.field = field
        self.values = values
        super().__init__(self.message.format_map(values))


class RuleError(CodedError):
    """A rule is violated by data from outside. Raised with the field and the values it concerns."""

    is_blamed: ClassVar[bool] = True


class EncodingError(RuleError):
    """Bytes are not the one encoding of anything."""


class Truncated(EncodingError):
    code = "encoding-truncated"
    message = "the bytes end inside a value, at offset {offset}"


class VarintForm(EncodingError):
    code = "encoding-varint"
    message = "an integer at offset {offset} is not in its shortest form, or over 64 bits"


class UnknownVersion(EncodingError):
    code = "encoding-version"
    message = "the version at offset {offset} is not 1"


class UnknownOutputKind(EncodingError):
    code = "encoding-output-kind"
    message = "the output at offset {offset} is neither a payment nor data"


class DataTooLong(EncodingError):
    code = "encoding-data-length"
    message = "a data output is over 256 bytes"


class IndexRange(EncodingError):
    code = "encoding-index-range"
    message = "an output index is over 32 bits"


class SignatureLength(EncodingError):
    code = "encoding-signature-length"
    message = "the signature at offset {offset} is neither empty nor 65 bytes"


class CountTooLarge(EncodingError):
    code = "encoding-count"
    message = "the count at offset {offset} cannot fit in the bytes that follow"


class TrailingBytes(EncodingError):
    code = "encoding-trailing"
    message = "bytes follow the value, from offset {offset}"


class WrongLength(EncodingError):
    code = "encoding-length"
    message = "expected {expected} bytes, got {actual}"


class JsonFormError(RuleError):
    """JSON is not the form of a transaction or document."""


class JsonSyntax(JsonFormError):
    code = "json-syntax"
    message = "not JSON: {reason}"


class JsonShape(JsonFormError):
    code = "json-shape"
    message = "{reason}"


class JsonHex(JsonFormError):
    code = "json-hex"
    message = "not lower-case hexadecimal of {expected} bytes"


class JsonTooLarge(JsonFormError):
    code = "json-size"
    message = "{size} bytes of JSON, at most {limit} are read"


class JsonIdMismatch(JsonFormError):
    code = "json-id"
    message = "the id given is not the id of this transaction, which is {id}"


class AddressError(RuleError):
    """Text is not an address of this network."""


class AddressForm(AddressError):
    code = "address-form"
    message = "not an address: {reason}"


class AddressChecksum(AddressError):
    code = "address-checksum"
    message = "the address has a typing error: its checksum does not match"


class AddressPrefix(AddressError):
    code = "address-prefix"
    message = "the address begins with {actual}, this network's begin with {expected}"


class AddressVersion(AddressError):
    code = "address-version"
    message = "address version {version} is not known, only 0 is"


class TransactionError(RuleError):
    """A transaction breaks a rule of its own or of the coins it spends."""


class NoInputs(TransactionError):
    code = "tx-no-inputs"
    message = "a transaction needs at least one input"


class NoOutputs(TransactionError):
    code = "tx-no-outputs"
    message = "a transaction needs at least one output"


class DuplicateInput(TransactionError):
    code = "tx-duplicate-input"
    message = "input {input} spends the same output as an earlier one"


class AmountRange(TransactionError):
    code = "tx-amount-range"
    message = "an amount is from 1 to 9000000000000000, not {amount}"


class TotalRange(TransactionError):
    code = "tx-total-range"
    message = "the sum of amounts passes 9000000000000000"


class TransactionSize(TransactionError):
    code = "tx-size"
    message = "{size} bytes, at most {limit} are allowed"


class CoinbaseInput(TransactionError):
    code = "tx-coinbase-input"
    message = "input {input} names the zero transaction, which only a coinbase may"


class MissingInput(TransactionError):
    """Not blamed: the coin may have been spent a moment ago, or its maker not have arrived yet."""

    code = "tx-input-missing"
    message = "input {input} spends an output that does not exist or is spent"
    is_blamed = False


class ImmatureCoin(TransactionError):
    """Not blamed: a shorter chain may still count differently."""

    code = "tx-immature"
    message = "input {input} spends a mining reward that is {age} blocks old, not yet {maturity}"
    is_blamed = False


class OutputsExceedInputs(TransactionError):
    code = "tx-outputs-exceed-inputs"
    message = "the outputs pay {paid}, the inputs hold only {held}"


class NotSigned(TransactionError):
    code = "tx-not-signed"
    message = "input {input} has no signature, and the transaction has none either"


class SignatureUnused(TransactionError):
    code = "tx-signature-unused"
    message = "the transaction's signature authorises no input: each has its own"


class SignatureMalformed(TransactionError):
    code = "tx-signature-malformed"
    message = "no key can have made this signature"


class SignatureHighS(TransactionError):
    code = "tx-signature-high-s"
    message = "the signature's s is in the upper half of its range"


class NotOwner(TransactionError):
    code = "tx-not-owner"
    message = "input {input} is signed by {signer}, but {owner} owns the coin"


class HeaderError(RuleError):
    """A header breaks a rule of its place in the chain."""


class HeaderVersion(HeaderError):
    code = "header-version"
    message = "header version {version} is not known, only 1 is"


class UnknownParent(HeaderError):
    """Not blamed: the parent may still be on its way."""

    code = "header-parent-unknown"
    message = "the parent {previous} is not known"
    is_blamed = False


class InvalidParent(HeaderError):
    code = "header-parent-invalid"
    message = "the parent {previous} is not valid"


class HeaderHeight(HeaderError):
    code = "header-height"
    message = "height {actual} where the parent's next is {expected}"


class TimeNotAfter(HeaderError):
    code = "header-time"
    message = "time {time_ms} is not after the parent's {previous_time_ms}"


class WrongTarget(HeaderError):
    code = "header-target"
    message = "target bits {actual:#010x} where the rule gives {expected:#010x}"


class NotEnoughWork(HeaderError):
    code = "header-work"
    message = "the hash {hash} is above the target"


class Held(HeaderError):
    """Not blamed and not invalid: the block is tried again when the clock has caught up."""

    code = "header-held"
    message = "the block is {ahead_ms} ms ahead of this clock"
    is_blamed = False


class EmptyBlock(HeaderError):
    code = "header-count"
    message = "a block has at least its coinbase"


class CheckpointBranch(HeaderError):
    """Not blamed: the sender may not have heard of the checkpoint."""

    code = "header-checkpoint"
    message = "height {height} is fixed by a checkpoint to another block"
    is_blamed = False


class MerkleBranch(RuleError):
    code = "merkle-branch"
    message = "{reason}"


class BlockError(RuleError):
    """A body breaks a rule."""


class BlockSize(BlockError):
    code = "block-size"
    message = "{size} bytes, at most {limit} are allowed"


class SignatureChecks(BlockError):
    code = "block-signature-checks"
    message = "{count} signatures to check, at most {limit} are allowed"


class BodyMismatch(BlockError):
    """The header stays good: drop this body, blame who sent it, fetch another."""

    code = "block-body-mismatch"
    message = "the transactions are not those that the header commits to"


class DuplicateTransaction(BlockError):
    code = "block-duplicate-transaction"
    message = "transaction {position} is the same as an earlier one"


class SpentInBlock(BlockError):
    code = "block-double-spend"
    message = "transaction {position}, input {input} spends what an earlier one in the block spent"


class CoinbaseMissing(BlockError):
    code = "block-coinbase"
    message = "the first transaction is not a coinbase of height {height}"


class CoinbaseSigned(BlockError):
    code = "block-coinbase-signed"
    message = "a coinbase carries no signature"


class CoinbaseValue(BlockError):
    code = "block-coinbase-value"
    message = "the coinbase pays {paid}, at most {allowed} are due"


class SealError(RuleError):
    """A block is sealed by nobody who may."""


class SealMissing(SealError):
    code = "seal-missing"
    message = "this network's blocks are sealed by a listed miner"


class SealUnexpected(SealError):
    code = "seal-unexpected"
    message = "this network lists no miners, so its blocks carry no seal"


class SealMalformed(SealError):
    code = "seal-malformed"
    message = "the seal is no low-S signature of any key"


class SealNotListed(SealError):
    code = "seal-not-listed"
    message = "{signer} is not a listed miner"


class SealNotCoinbaseOwner(SealError):
    code = "seal-not-coinbase-owner"
    message = "{signer} sealed a block whose coinbase pays someone else first"


class SealTooSoon(SealError):
    code = "seal-too-soon"
    message = "{signer} sealed one of the last {window} blocks already"


class CheckpointError(RuleError):
    """A checkpoint is not what enough signers said."""


class CheckpointsUnused(CheckpointError):
    code = "checkpoint-unused"
    message = "this network lists no checkpoint signers"


class CheckpointSignature(CheckpointError):
    code = "checkpoint-signature"
    message = "one of the signatures is no low-S signature of any key"


class CheckpointSigner(CheckpointError):
    code = "checkpoint-signer"
    message = "{signer} is not a checkpoint signer of this network"


class CheckpointRepeatedSigner(CheckpointError):
    code = "checkpoint-repeated-signer"
    message = "{signer} signed this checkpoint twice"


class CheckpointQuorum(CheckpointError):
    code = "checkpoint-quorum"
    message = "{count} signers, {quorum} are needed"


class CheckpointConflict(CheckpointError):
    """Two quorums contradict each other: nobody mines above them until operators have looked."""

    code = "checkpoint-conflict"
    message = "height {height} is fixed to {known}, and another quorum signed {other}"


class ChainError(RuleError):
    """A command names a branch that cannot be treated so."""


class UnknownBlock(ChainError):
    code = "chain-unknown-block"
    message = "block {hash} is not known"


class GenesisIsFixed(ChainError):
    code = "chain-genesis"
    message = "the genesis block cannot be given up"


class BelowCheckpoint(ChainError):
    code = "chain-checkpoint"
    message = "height {height} is fixed by a checkpoint"


class GenesisError(RuleError):
    """A genesis document is not usable."""


class GenesisRange(GenesisError):
    code = "genesis-range"
    message = "{reason}"


class GenesisRepeated(GenesisError):
    code = "genesis-repeated"
    message = "{address} is listed twice"


class PoolError(RuleError):
    """Policy: valid, but not wanted now. Nobody is blamed for it."""

    is_blamed = False


class AlreadyPooled(PoolError):
    code = "pool-known"
    message = "the transaction is waiting already"


class CoinbaseAlone(PoolError):
    code = "pool-coinbase"
    message = "a coinbase exists only inside a block"
    is_blamed = True


class FeeTooLow(PoolError):
    code = "pool-fee-low"
    message = "the fee is {fee_per_kb} per kB, at least {floor_per_kb} are needed at the moment"


class TooManyAncestors(PoolError):
    code = "pool-ancestors"
    message = "the transaction would wait on {count}, at most {limit} may"


class TooManyDescendants(PoolError):
    code = "pool-descendants"
    message = "{count} would wait on {ancestor}, at most {limit} may"


class ClusterTooLarge(PoolError):
    code = "pool-cluster"
    message = "{count} connected transactions would wait, at most {limit} may"


class ReplacementFeeRate(PoolError):
    code = "pool-replacement-fee-rate"
    message = "the fee rate does not beat that of {replaced}, which spends the same output"


class ReplacementFee(PoolError):
    code = "pool-replacement-fee"
    message = "the fee is {fee}, at least {needed} pays for all it would replace and its relay"


class ReplacementTooBroad(PoolError):
    code = "pool-replacement-count"
    message = "{count} transactions would be replaced, at most {limit} may"


class ReplacementSpendsReplaced(PoolError):
    code = "pool-replacement-parent"
    message = "the transaction spends an output of {replaced}, which it would replace"


class PoolFull(PoolError):
    code = "pool-full"
    message = "the pool is full of transactions that pay more"
