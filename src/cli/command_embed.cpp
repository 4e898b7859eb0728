// `urial embed`: the vectors of texts. Reads a file in pieces, so that its size does not matter.

#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/encoders.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "generate/item_file.h"
#include "terminal/progress_bar.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;

struct EmbedOptions {
    app::EncoderChoice encoder;
    std::string input;
    std::string output = std::string(terminal::kStandardStream);
    bool overwrite = false;
};

/// What begins as JSON does, or as gzip, which only JSON is read from.
bool holds_objects(const fs::path& path) {
    check_readable(path);
    std::ifstream file(path, std::ios::binary);
    char c = 0;
    while (file.get(c) && std::isspace(static_cast<unsigned char>(c)) != 0) {
    }
    return file && (c == '{' || c == '[' || c == '\x1f');
}

/// Calls `take` with an object for each text: as it stands in the file, or {"text": a line that is not blank}.
template <class Take>
void for_each_text(const fs::path& path, const Take& take) {
    if (holds_objects(path)) {
        generate::for_each_item(path, [&](generate::FileItem&& item) {
            if (!item.fields.contains("text") || !item.fields["text"].is_string()) {
                throw Error(ErrorKind::BadInput, "the object has no string \"text\"");
            }
            take(std::move(item.fields));
        });
        return;
    }
    std::ifstream file(path, std::ios::binary);
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!is_valid_utf8(line)) {
            throw error(ErrorKind::BadInput, "{}:{}: not UTF-8; convert it: iconv -f latin1 -t utf-8", path.string(),
                        number);
        }
        if (!trim(line).empty()) take(ordered_json{{"text", line}});
    }
}

/// Where the lines go: standard output at once, a file when all is there.
class Lines {
public:
    explicit Lines(const EmbedOptions& options) {
        if (options.output == terminal::kStandardStream) return;
        if (fs::exists(options.output) && !options.overwrite) {
            throw error(ErrorKind::BadInput, "{} exists; name another file, or --overwrite", options.output);
        }
        file_.emplace(options.output);
    }
    void write(std::string_view bytes) {
        if (file_) return file_->write(bytes);
        terminal::write_standard_output(bytes);
    }
    void finish() {
        if (file_) file_->commit();
    }

private:
    std::optional<AtomicFile> file_;
};

/// The object with `embedding` behind its other fields; the shortest decimals that are read as the same f32 again.
std::string line_of(ordered_json&& object, std::span<const float> vector) {
    object.erase("embedding");
    std::string line = object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    line.pop_back();
    line += ",\"embedding\":[";
    for (std::size_t i = 0; i < vector.size(); ++i)
        fmt::format_to(std::back_inserter(line), "{}{}", i > 0 ? "," : "", vector[i]);
    line += "]}\n";
    return line;
}

void run(const EmbedOptions& options, const Context& context) {
    // Enough for batches of texts of one length.
    constexpr std::size_t kPiece = 2048;
    const terminal::InputFile input(options.input);
    std::size_t total = 0;
    for_each_text(input.path(), [&](ordered_json&&) { ++total; });
    if (total == 0) throw error(ErrorKind::BadInput, "{}: holds no text", options.input);
    Lines lines(options);
    const std::shared_ptr<const retrieve::Embedder> encoder = app::open_embedder(options.encoder, callbacks(context));
    terminal::ProgressBar bar(context.terminal, "texts", terminal::ProgressUnit::Items);
    std::size_t done = 0;
    engine::EncodeOptions encoding;
    encoding.threads = options.encoder.threads;
    encoding.watch.cancelled = terminal::interrupted;
    encoding.watch.progress = [&](std::uint64_t count, std::uint64_t) { bar.update(done + count, total); };
    std::vector<ordered_json> objects;
    const auto encode = [&] {
        std::vector<std::string> texts;
        for (const ordered_json& object : objects) texts.push_back(object["text"].get<std::string>());
        const std::vector<float> vectors = encoder->embed(texts, encoding);
        const std::size_t dimension = encoder->dimension();
        for (std::size_t i = 0; i < objects.size(); ++i) {
            lines.write(line_of(std::move(objects[i]), std::span(vectors).subspan(i * dimension, dimension)));
        }
        done += objects.size();
        objects.clear();
    };
    for_each_text(input.path(), [&](ordered_json&& object) {
        objects.push_back(std::move(object));
        if (objects.size() == kPiece) encode();
    });
    if (!objects.empty()) encode();
    lines.finish();
}

}  // namespace

void add_encoder_flags(CLI::App& command, app::EncoderChoice& encoder, Context& context) {
    constexpr const char* kGroup = "Encoder";
    app::Settings& settings = *context.settings;
    add_setting(command, settings, "encoder", encoder.encoder)->check(suggest(app::encoder_names()))->group(kGroup);
    add_setting(command, settings, "threads", encoder.threads)->group(kGroup);
    add_setting(command, settings, "offline", encoder.offline)->group(kGroup);
    add_server_flags(command, encoder.api_key_file, encoder.timeout_seconds);
}

void add_embed_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<EmbedOptions>();
    CLI::App* command = app.add_subcommand("embed", "Turn texts into vectors by which like texts are found");
    command
        ->add_option("-i,--input", options->input,
                     "Texts: one a line, or JSON objects with \"text\"; - is standard input")
        ->type_name("FILE")
        ->required();
    command
        ->add_option("-o,--output", options->output, "Where the JSON lines with \"embedding\" go; - is standard output")
        ->type_name("FILE")
        ->capture_default_str();
    command->add_flag("--overwrite", options->overwrite, "Replace the output where it exists");
    add_encoder_flags(*command, options->encoder, context);
    command->footer(examples({
        {"The vectors of some lines", "urial embed -i sentences.txt -o vectors.jsonl"},
        {"An encoder of your own", "urial embed -e bge-small-en-v1.5-f16.gguf -i questions.jsonl"},
    }));
    command->callback([options, &context] { run(*options, context); });
}

}  // namespace urial::cli
