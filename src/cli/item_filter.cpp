#include "cli/item_filter.h"

#include "base/error.h"

namespace urial::cli {

void add_item_filter_flags(CLI::App& command, ItemFilterFlags& flags) {
    command.add_option("--where", flags.where, "Only items with this tag, as in task=coding; repeatable")
        ->type_name("FIELD=VALUE")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--ids", flags.ids, "Only the ids that this JSON file lists")->type_name("FILE");
    command.add_option("--subset", flags.subset, "Which of the lists in the --ids file [lite]")->type_name("NAME");
}

eval::Filter make_filter(const ItemFilterFlags& flags) {
    eval::Filter filter;
    for (const std::string& condition : flags.where) filter.where.push_back(eval::parse_condition(condition));
    if (flags.ids.empty() && !flags.subset.empty()) {
        throw error(
            ErrorKind::BadInput,
            "--subset {} names one of the lists in a file of ids: give the file with --ids, or leave --subset out",
            flags.subset);
    }
    if (!flags.ids.empty()) filter.ids = eval::load_subset(flags.ids, flags.subset_name());
    return filter;
}

}  // namespace urial::cli
