#pragma once

// The engine: a language model that scores and continues token sequences. This header is the whole contract that the
// other parts see; llama.cpp is behind it in this folder only, and a scripted model stands behind it in tests.
//
// A Model is immutable and shared between threads. A Session (a context with its key/value cache) belongs to one thread
// at a time.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/devices.h"

namespace urial::engine {

using Token = std::int32_t;

/// How many tokens both begin with.
std::size_t common_length(std::span<const Token> a, std::span<const Token> b);

struct Adapter {
    std::filesystem::path path;  ///< a LoRA adapter in GGUF form
    float scale = 1.0F;
    bool operator==(const Adapter&) const = default;
};

/// Who multiplies the matrices of quantised models and computes attention and gated GELU. The results differ in the
/// last digits, and in speed.
enum class Arithmetic {
    Engine,         ///< llama.cpp's own routines: its numbers for the same batch and threads; best for one sequence
    Packed,         ///< ours for Q8_0, Q5_0, Q4_K and Q6_K matrices, the same precision, and attention and GELU in f32:
                    ///< much faster for many rows
    PackedPrecise,  ///< the same with columns rounded to 16 bits instead of 8: nearly as precise as F32 weights
    Float32,        ///< on NVIDIA GPUs: weights are unpacked and all products computed in f32
};

/// What the engine knows of one of them.
struct ArithmeticTraits {
    Arithmetic arithmetic;
    std::string_view name;  ///< in records, and for users: "engine", "packed", "precise", "f32"
    /// Rises when it gives other numbers than before. What was computed under another version is not continued.
    int version;
    /// Our routines in the place of llama.cpp's, for the matrices that they can multiply. In llama.cpp's the number of
    /// threads decides the order of some sums.
    bool is_own;
    bool is_for_gpus;     ///< for layers on a GPU alone; our routines are for the CPU alone, the engine's for both
    bool is_precise;      ///< little is lost beyond what the quantised weights themselves have lost
    bool (*runs_here)();  ///< on this machine, in this build; where it does not, models are loaded with Engine
};
/// All of them, in the order in which users see them.
std::span<const ArithmeticTraits> arithmetics();
const ArithmeticTraits& traits(Arithmetic arithmetic);

/// What a caller asks of the numbers.
enum class Purpose {
    Fast,     ///< as many tokens a second as there can be
    Precise,  ///< as close as can be to what the model's weights say
};
/// What serves the purpose best on this machine's CPU, for a model that computes about `rows` rows at a time.
Arithmetic arithmetic_for(Purpose purpose, int rows);
/// And on its GPUs.
Arithmetic gpu_arithmetic_for(Purpose purpose);

/// The caller's eyes and ears while the engine is at work. Each may be empty; all are called on the thread that uses
/// the session, of which a caller may have several at once.
struct Watch {
    /// Asked many times a second; true ends the work with Cancelled.
    std::function<bool()> cancelled;
    /// Bytes of a model that is loaded, tokens of a prefix that is read; called many times a second.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress;
    std::function<void(std::string_view)> detail;   ///< a line for those who want to know
    std::function<void(std::string_view)> warning;  ///< a line that the user should see
};

/// What Watch::cancelled ends.
class Cancelled final : public Error {
public:
    Cancelled() : Error(ErrorKind::Unavailable, "stopped") {}
};

struct ModelOptions {
    std::filesystem::path path;     ///< a GGUF file, already checked (models/models.h)
    std::string content_hash;       ///< sha256 of the file where the caller knows it; computed when empty
    std::vector<Adapter> adapters;  ///< loaded with the model; a session applies all of them or none (use_adapters)
    Arithmetic arithmetic = Arithmetic::Engine;      ///< where no layer goes to a GPU
    Arithmetic gpu_arithmetic = Arithmetic::Engine;  ///< where some do: Engine, or Float32 if NVIDIA GPUs have them all
    Purpose purpose = Purpose::Fast;                 ///< of its sessions: room is left for them on a GPU
    std::string device = "auto";                     ///< where layers go: choose_devices()
    int gpu_layers = -1;                             ///< how many; -1: all that fit
    Watch watch;                                     ///< of the loading
};

struct AdapterInfo {
    std::string file_name;
    std::string content_hash;  ///< sha256 of the adapter file
    float scale = 1.0F;
};

struct ModelInfo {
    std::string description;   ///< architecture, size and quantisation: "gemma3 270M Q4_K - Medium"
    std::string name;          ///< general.name of the file, or its stem
    std::string content_hash;  ///< sha256 of the model file
    std::size_t vocabulary_size = 0;
    int training_context = 0;  ///< tokens
    std::uint64_t parameter_count = 0;
    std::uint64_t file_bytes = 0;
    Placement placement;                         ///< of its layers
    Arithmetic arithmetic = Arithmetic::Engine;  ///< what is really used
    std::size_t quantised_matrices = 0;          ///< counted where arithmetic is not Engine
    std::size_t packed_matrices = 0;             ///< of them, those in a format that our arithmetic knows; the engine's
                                                 ///< routines multiply the others
    bool adds_bos = false;                       ///< the tokenizer puts BOS first by its own settings
    std::optional<Token> bos;
    std::optional<Token> eos;   ///< end of text; other tokens may end an answer too (Model::ends_generation)
    std::string chat_template;  ///< Jinja text from the file, empty for a base model
    std::vector<AdapterInfo> adapters;
};

struct SessionOptions {
    int sequences = 1;          ///< how many sequences run at the same time
    int prefixes = 1;           ///< how many prefixes can be there at the same time, pinned or kept
    int context_tokens = 2048;  ///< cells for all together: prefixes + sequences x (query + answer)
    int batch_rows = 512;       ///< the most rows that one decode() takes
    int logit_rows = 0;         ///< the most rows of one decode() that want logits (vocabulary x 4 bytes each, twice
                                ///< that on a GPU); 0: one per sequence
    int threads = 0;            ///< 0: one per core
    enum class FlashAttention { Auto, On, Off } flash_attention = FlashAttention::Auto;
    bool greedy = false;  ///< rows that want logits are asked for their largest alone, of each sequence one a batch:
                          ///< where the session can, it gives best() in the place of logits()
    Purpose purpose = Purpose::Fast;  ///< Precise: keys and values in f32, and no attention that would round them all
                                      ///< the same, unless FlashAttention::On asks for one
    bool use_adapters = true;         ///< false: the model without its adapters (the base side of a pair)
    bool share_running = true;        ///< sequences that start may share cells of sequences that run
    std::optional<std::filesystem::path> snapshot_dir;  ///< where prefix snapshots live; nullopt: none are kept
    std::uint64_t snapshot_bytes = 2'000'000'000;       ///< beyond this the longest unused snapshots go
    Watch watch;                                        ///< of all that the session computes
};

/// One token of one sequence, appended behind what the sequence holds.
struct Row {
    int sequence = 0;
    Token token = 0;
    bool wants_logits = false;
};

/// The largest logit of a row; of several that are equal any one.
struct Best {
    Token token = 0;
    float gap = 0;  ///< its lead over the second largest
};

enum class PrefixOrigin {
    Empty,
    Computed,
    Restored,  ///< from a snapshot
    Present,   ///< the session has it already
};

/// What a sequence with certain tokens would share if it started now, instead of computing it.
struct Shareable {
    std::size_t tokens = 0;
    std::size_t pinned = 0;  ///< of these, those in cells of pinned prefixes
    std::size_t firm = 0;    ///< and those in cells that pinned prefixes or running sequences hold
};

/// No bound to how much is shared.
inline constexpr std::size_t kAllTokens = static_cast<std::size_t>(-1);

/// So many tokens more than a prefix has must a running sequence have, to be shared in its place.
inline constexpr std::size_t kLeastFromRunning = 64;

/// What becomes of a sequence's tokens when it ends.
enum class Afterwards {
    Forget,
    Keep,  ///< as a prefix, until their cells or their place are needed; the longest unused goes first
};

/// Sequences of tokens, and prefixes that are there for sequences to come. A prefix is pinned or what a sequence left
/// (Afterwards::Keep). A sequence that starts shares the cells of the one that most of its tokens begin with, or of a
/// part of it where the model allows that: a recurrent model shares a prefix whole or not at all, and one with sliding
/// windows likewise, but for what sequences have appended. Where nothing else has as many of its tokens, it shares
/// cells of a sequence that runs (not of a recurrent model, and with sliding windows only where there are several
/// prefixes).
class Session {
public:
    virtual ~Session() = default;

    virtual int sequence_count() const = 0;
    virtual int context_tokens() const = 0;  ///< cells in all
    virtual int free_tokens() const = 0;  ///< cells that neither sequences nor pinned prefixes hold, each counted once
    virtual int pinned_tokens() const = 0;  ///< cells of pinned prefixes
    virtual int batch_rows() const = 0;
    virtual int logit_rows() const = 0;
    virtual int threads() const = 0;  ///< that compute

    /// Makes sure that the tokens are there as a prefix and stay until unpin(): from a snapshot where one fits, else by
    /// computing them (and then keeping a snapshot). A snapshot that cannot be read or written is no error. Pins are
    /// counted. Throws Error{ContextFull} when the prefix leaves no room or has no place, and Cancelled; nothing is
    /// pinned then.
    virtual PrefixOrigin pin(std::span<const Token> tokens) = 0;
    /// Takes a pin() back; the last one turns the prefix into a kept one.
    virtual void unpin(std::span<const Token> tokens) = 0;

    /// At most all tokens but the last, and at most `most`.
    virtual Shareable shareable(std::span<const Token> tokens, std::size_t most = kAllTokens) const = 0;
    /// Whether sequences share with others that run.
    virtual bool shares_running() const = 0;
    /// The sequence forgets everything, then takes the first shareable(tokens, most).tokens of these. Returns that
    /// number: the other tokens are the caller's to append.
    virtual std::size_t start(int sequence, std::span<const Token> tokens, std::size_t most = kAllTokens) = 0;
    virtual void end(int sequence, Afterwards afterwards) = 0;
    /// Tokens that the sequence holds.
    virtual std::size_t length(int sequence) const = 0;

    /// Appends the rows to their sequences, in order, and computes them in one batch of at most batch_rows().
    /// Throws Error{ContextFull} when cells run out (nothing is appended then), Error{Model} when the engine fails, and
    /// Cancelled (the sequences of the rows are empty then).
    virtual void decode(std::span<const Row> rows) = 0;

    /// Logits [vocabulary_size] of row `row` of the last decode(), until the next; Error{BadInput} if it wanted none.
    virtual std::span<const float> logits(std::size_t row) const = 0;
    /// Whether rows that want logits have best() and no logits(): SessionOptions::greedy, on a GPU that can.
    virtual bool gives_best() const { return false; }
    /// The largest logit of that row; Error{BadInput} if it wanted none, or the session does not give it, Error{Model}
    /// if one of its logits is no number.
    virtual Best best(std::size_t row) const;
    /// Whether a GPU does all that decode() asks for, and these cores have nothing to do meanwhile. decode() may come
    /// back before it has.
    virtual bool computes_elsewhere() const { return false; }
    /// Comes back when the last decode() has been computed.
    virtual void wait() const {}
};

struct TokenizeOptions {
    bool add_bos = false;  ///< put BOS in front where the model's settings ask for one
    bool parse_special =
        false;  ///< text such as <end_of_turn> becomes its control token: only for templates, never for user text
};

class TokenConstraint;  // grammar.h

class Model {
public:
    virtual ~Model() = default;

    virtual const ModelInfo& info() const = 0;

    /// Throws Error{BadInput} when the parsed text begins with BOS (`parse_special`) and `add_bos` would add another.
    virtual std::vector<Token> tokenize(std::string_view text, TokenizeOptions options) const = 0;
    /// The token's bytes, which may be a part of a UTF-8 character. Control tokens are empty unless `special`.
    virtual std::string piece(Token token, bool special = false) const = 0;
    /// End of text, end of turn and their like.
    virtual bool ends_generation(Token token) const = 0;

    /// Throws Error{BadInput} with the numbers when the machine or the GPU has less memory than the session would take.
    virtual std::unique_ptr<Session> new_session(const SessionOptions& options) const = 0;

    /// A constraint for one answer, from a grammar in GBNF. Throws Error{BadInput} for a text that is none, and
    /// Error{Model} where the model knows no grammars.
    virtual std::unique_ptr<TokenConstraint> new_grammar(const std::string& gbnf) const;
};

/// Loads a GGUF with llama.cpp. Throws Error{Model} with the engine's last message, and Cancelled.
std::shared_ptr<const Model> load_model(const ModelOptions& options);

/// The engine's version and the instruction sets that it was built for and uses.
struct EngineBuild {
    std::string version;
    std::string commit;
    std::string cpu_features;
};
EngineBuild engine_build();

/// Where the engine's own log lines go; they are dropped until this is called. Called once, from cli/. Fatal is what
/// the engine says before it ends the process.
enum class LogLevel { Debug, Info, Warning, Error, Fatal };
void set_engine_log(std::function<void(LogLevel, std::string_view)> sink);

}  // namespace urial::engine
