#include <fstream>
#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "models/gguf_types.h"
#include "models/models.h"
#include "support/expect_error.h"
#include "support/paths.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial::models {
namespace {

using test::TemporaryFolder;
using test::TinyGguf;

class Gguf : public ::testing::Test {
protected:
    GgufSummary check(const TinyGguf& file) { return check_bytes(file.bytes()); }
    GgufSummary check_bytes(std::string_view bytes) {
        fs::remove(path());  // shortening a file in place makes some file systems wait for the disk
        std::ofstream(path(), std::ios::binary) << bytes;
        return check_gguf(path());
    }
    fs::path path() const { return folder_ / "model.gguf"; }
    TemporaryFolder folder_;
};

TEST_F(Gguf, a_sound_file_is_summarised) {
    const GgufSummary summary = check(TinyGguf::minimal());
    EXPECT_EQ(summary.version, 3U);
    EXPECT_EQ(summary.architecture, "tiny");
    EXPECT_EQ(summary.name, "Tiny");
    EXPECT_EQ(summary.license, "apache-2.0");
    EXPECT_EQ(summary.file_type, "F32");
    EXPECT_EQ(summary.kind, "model");
    EXPECT_EQ(summary.context_length, 256U);
    EXPECT_EQ(summary.vocabulary_size, 3U);
    EXPECT_EQ(summary.parameters, 16U);
    EXPECT_EQ(summary.tensors, 2U);
    EXPECT_FALSE(summary.has_chat_template);
}

TEST_F(Gguf, a_chat_template_makes_a_chat_model) {
    EXPECT_TRUE(check(TinyGguf::minimal().set("tokenizer.chat_template", std::string("{{ x }}"))).has_chat_template);
}

TEST_F(Gguf, version_2_is_read_and_others_are_refused) {
    EXPECT_EQ(check(TinyGguf::minimal().version(2)).version, 2U);
    EXPECT_ERROR(check(TinyGguf::minimal().version(1)), ErrorKind::BadInput, "version 1");
    EXPECT_ERROR(check(TinyGguf::minimal().version(4)), ErrorKind::BadInput, "version 4");
    EXPECT_ERROR(check(TinyGguf::minimal().version(0x03000000)), ErrorKind::BadInput, "big-endian");
}

TEST_F(Gguf, a_file_cut_at_any_byte_is_refused) {
    const std::string whole = TinyGguf::minimal().bytes();
    // The last tensor of 16 bytes is padded to 32; a file may end without that padding.
    const std::size_t needed = whole.size() - 16;
    EXPECT_EQ(check_bytes(whole.substr(0, needed)).tensors, 2U);
    for (std::size_t length = 0; length < needed; ++length) {
        SCOPED_TRACE(length);
        EXPECT_ERROR(check_bytes(whole.substr(0, length)), ErrorKind::BadInput, path().string());
    }
}

TEST_F(Gguf, flipped_bits_are_refused_or_leave_a_header_that_adds_up) {
    const std::string whole = TinyGguf::minimal().bytes();
    std::mt19937 random(20231201);
    int refused = 0;
    for (int round = 0; round < 5000; ++round) {
        std::string bytes = whole;
        const int flips = 1 + static_cast<int>(random() % 3);
        for (int flip = 0; flip < flips; ++flip) {
            bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
        }
        try {
            EXPECT_EQ(check_bytes(bytes).tensors, 2U);
        } catch (const Error& error) {
            EXPECT_TRUE(error.kind() == ErrorKind::BadInput) << error.what();
            ++refused;
        }
    }
    EXPECT_GT(refused, 1000) << "lengths, types and counts make up much of the header";
}

TEST_F(Gguf, other_things_than_a_gguf_are_refused_with_what_they_are) {
    EXPECT_ERROR(check_bytes(""), ErrorKind::BadInput, "empty");
    EXPECT_ERROR(check_bytes("<!doctype html><html></html>"), ErrorKind::BadInput, "another kind of file");
    EXPECT_ERROR(check_gguf(folder_.path()), ErrorKind::BadInput, "is a directory");
    EXPECT_ERROR(check_gguf(folder_ / "none.gguf"), ErrorKind::NotFound, "no such file");
    EXPECT_ERROR(check_gguf("/dev/null"), ErrorKind::BadInput, "not a regular file");
}

TEST_F(Gguf, counts_beyond_the_file_are_refused_before_anything_is_allocated) {
    std::string bytes = TinyGguf::minimal().bytes();
    const auto with_byte = [&](std::size_t place, char value) {
        std::string changed = bytes;
        changed[place] = value;
        return changed;
    };
    EXPECT_ERROR(check_bytes(with_byte(14, 1)), ErrorKind::BadInput, "at byte 8: 281474976710658 tensors");
    EXPECT_ERROR(check_bytes(with_byte(22, 1)), ErrorKind::BadInput, "metadata pairs do not fit");
    EXPECT_ERROR(check_bytes(with_byte(30, 1)), ErrorKind::BadInput, "the key of metadata pair 0 needs");
}

TEST_F(Gguf, more_pairs_than_any_model_has_are_refused_before_they_are_kept) {
    std::string bytes = TinyGguf::minimal().bytes();
    bytes[16 + 2] = 4;  // 2^18 pairs more
    bytes.resize(8 << 20);
    EXPECT_ERROR(check_bytes(bytes), ErrorKind::BadInput, "at most 262144 are allowed");
}

TEST_F(Gguf, a_key_or_a_tensor_that_is_there_twice_is_refused) {
    EXPECT_ERROR(check(TinyGguf::minimal().set("general.name", std::string("again"))), ErrorKind::BadInput,
                 "key 'general.name' is there twice");
    EXPECT_ERROR(check(TinyGguf::minimal().tensor("output_norm.weight", {4})), ErrorKind::BadInput,
                 "tensor 'output_norm.weight' is there twice");
}

TEST_F(Gguf, a_known_key_of_another_type_is_refused) {
    TinyGguf file;
    file.set("general.architecture", std::uint32_t{7}).tensor("t", {4});
    EXPECT_ERROR(check(file), ErrorKind::BadInput, "key 'general.architecture' has a value of type 4");
}

TEST_F(Gguf, a_file_without_architecture_or_tensors_is_no_model) {
    EXPECT_ERROR(check(TinyGguf().set("general.name", std::string("x")).tensor("t", {4})), ErrorKind::BadInput,
                 "general.architecture is missing");
    EXPECT_ERROR(check(TinyGguf().set("general.architecture", std::string("tiny"))), ErrorKind::BadInput, "no tensors");
}

TEST_F(Gguf, shapes_that_overflow_or_are_empty_are_refused) {
    const auto with_shape = [](std::vector<std::uint64_t> shape) {
        return TinyGguf::minimal().raw_tensor("bad", std::move(shape), 0, 96, std::string(32, '\0'));
    };
    EXPECT_ERROR(check(with_shape({1ULL << 32, 1ULL << 32})), ErrorKind::BadInput, "number of elements overflows");
    EXPECT_ERROR(check(with_shape({1ULL << 62})), ErrorKind::BadInput, "the size overflows");
    EXPECT_ERROR(check(with_shape({0})), ErrorKind::BadInput, "would be empty");
    EXPECT_ERROR(check(with_shape({})), ErrorKind::BadInput, "0 dimensions");
    EXPECT_ERROR(check(with_shape({1, 1, 1, 1, 1})), ErrorKind::BadInput, "5 dimensions");
}

TEST_F(Gguf, number_formats_are_known_and_rows_fill_whole_blocks) {
    const auto with_type = [](std::uint32_t type, std::uint64_t row) {
        TinyGguf file = TinyGguf::minimal();
        const std::uint64_t offset = file.next_offset();
        return file.raw_tensor("bad", {row}, type, offset, std::string(4096, '\0'));
    };
    EXPECT_EQ(check(with_type(12, 256)).parameters, 16U + 256U);
    EXPECT_ERROR(check(with_type(12, 255)), ErrorKind::BadInput, "rows of 255 elements, its format Q4_K needs");
    EXPECT_ERROR(check(with_type(4, 256)), ErrorKind::BadInput, "unknown number format 4");
    EXPECT_ERROR(check(with_type(99, 256)), ErrorKind::BadInput, "unknown number format 99");
}

TEST_F(Gguf, tensors_lie_aligned_inside_the_file_and_apart) {
    const auto at = [](std::uint64_t offset) {
        return TinyGguf::minimal().raw_tensor("bad", {4}, 0, offset, std::string(16, '\0'));
    };
    const std::uint64_t next = TinyGguf::minimal().next_offset();
    EXPECT_EQ(check(at(next)).tensors, 3U);
    EXPECT_ERROR(check(at(next + 4)), ErrorKind::BadInput, "no multiple of the alignment 32");
    EXPECT_ERROR(check(at(0)), ErrorKind::BadInput, "inside the tensor before it");
    EXPECT_ERROR(check(at(next + 32)), ErrorKind::BadInput, "the data section has");
    EXPECT_ERROR(check(at(0xFFFFFFFFFFFFFFE0)), ErrorKind::BadInput, "the data section has");
}

TEST_F(Gguf, the_alignment_is_a_power_of_two) {
    for (const std::uint32_t alignment : {0U, 33U}) {
        EXPECT_ERROR(check(TinyGguf::minimal().set("general.alignment", alignment)), ErrorKind::BadInput,
                     "a power of two");
    }
    EXPECT_EQ(check(TinyGguf::minimal().set("general.alignment", std::uint32_t{32})).tensors, 2U);
}

TEST_F(Gguf, a_truth_value_is_0_or_1_in_arrays_too) {
    // The last pair of the file: a key, type 9 (array), type 7 (bool), two values.
    TinyGguf file = TinyGguf::minimal().set("tiny.flags", std::vector<std::int32_t>{1});
    std::string bytes = file.bytes();
    const std::size_t type = bytes.find("tiny.flags") + std::string_view("tiny.flags").size() + 4;
    bytes[type] = 7;  // four bytes of an int32 become four truth values
    bytes[type + 4] = 4;
    EXPECT_EQ(check_bytes(bytes).tensors, 2U);
    bytes[type + 12 + 3] = 2;
    EXPECT_ERROR(check_bytes(bytes), ErrorKind::BadInput, "a truth value of 2");
}

TEST_F(Gguf, a_vocabulary_has_every_text_once) {
    const auto with_tokens = [](std::vector<std::string> tokens) {
        return TinyGguf()
            .set("general.architecture", std::string("tiny"))
            .set("tokenizer.ggml.tokens", std::move(tokens))
            .tensor("t", {4});
    };
    EXPECT_EQ(check(with_tokens({"a", "b", ""})).vocabulary_size, 3U);
    EXPECT_ERROR(check(with_tokens({"a", "b", "c", "b"})), ErrorKind::BadInput,
                 "tokens 1 and 3 of the vocabulary have the same text 'b'");
    EXPECT_ERROR(check(with_tokens({"[EMPTY_1]", ""})), ErrorKind::BadInput, "tokens 0 and 1 of the vocabulary");
}

TEST_F(Gguf, weights_in_a_format_without_products_are_refused) {
    for (const std::uint32_t type : {9U, 15U, 24U, 25U, 26U, 27U, 28U}) {
        TinyGguf file = TinyGguf::minimal();
        const std::uint64_t offset = file.next_offset();
        file.raw_tensor("output.weight", {256}, type, offset, std::string(4096, '\0'));
        EXPECT_ERROR(check(file), ErrorKind::BadInput, "no products of matrices");
    }
    TinyGguf table = TinyGguf::minimal();
    const std::uint64_t offset = table.next_offset();
    EXPECT_EQ(check(table.raw_tensor("blk.0.ffn_gate_tid2eid.weight", {2}, 26, offset, std::string(8, '\0'))).tensors,
              3U);
}

TEST_F(Gguf, what_is_no_model_of_its_own_says_what_it_is) {
    const auto as_model = [&](std::string key, TinyGguf::Value value) {
        TinyGguf::minimal()
            .set(std::move(key), std::move(value))
            .set("adapter.type", std::string("lora"))
            .write(path());
        return check_model(path());
    };
    EXPECT_ERROR(as_model("general.type", std::string("adapter")), ErrorKind::BadInput,
                 "an adapter for a tiny model, not a model; give it beside its model: -m MODEL --lora");
    EXPECT_ERROR(as_model("general.type", std::string("mmproj")), ErrorKind::BadInput, "a projector");
    EXPECT_ERROR(as_model("split.count", std::uint32_t{3}), ErrorKind::BadInput, "one of 3 files of a split model");
    EXPECT_EQ(as_model("split.count", std::uint32_t{1}).tensors, 2U);
    EXPECT_ERROR(check_adapter(path()), ErrorKind::BadInput, "not an adapter: a whole model; give it with -m");
}

TEST_F(Gguf, escape_sequences_of_a_file_do_not_reach_the_message) {
    try {
        check(TinyGguf::minimal().raw_tensor("\x1b[31mred", {4}, 99, 0, ""));
        FAIL() << "an unknown format was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos);
    }
}

TEST(GgufFile, a_lora_adapter_is_recognised_as_one) {
    const GgufSummary summary = check_gguf(test::source_path("models/gemma3-270m-chat-lora.gguf"));
    EXPECT_EQ(summary.kind, "adapter");
    EXPECT_EQ(summary.architecture, "gemma3");
}

TEST(GgufTypes, removed_and_unknown_formats_have_no_layout) {
    EXPECT_EQ(block_layout(2)->bytes, 18U);
    EXPECT_EQ(block_layout(39)->name, "MXFP4");
    EXPECT_FALSE(block_layout(5).has_value());
    EXPECT_FALSE(block_layout(31).has_value());
    EXPECT_FALSE(block_layout(43).has_value());
    EXPECT_EQ(file_type_name(15), "Q4_K - Medium");
    EXPECT_EQ(file_type_name(32), "BF16");
    EXPECT_EQ(file_type_name(33), "unknown (33)");
    EXPECT_EQ(file_type_name(123), "unknown (123)");
}

}  // namespace
}  // namespace urial::models
