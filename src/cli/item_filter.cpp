#include "cli/item_filter.h"

namespace urial::cli {

void add_item_filter_flags(CLI::App& command, app::ItemSelection& selection) {
    command.add_option("--where", selection.where, "Only items with this tag, as in task=coding; repeatable")
        ->type_name("FIELD=VALUE")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--ids", selection.ids, "Only the ids that this JSON file lists")->type_name("FILE");
    command.add_option("--subset", selection.subset, "Which of the lists in the --ids file [lite]")->type_name("NAME");
}

}  // namespace urial::cli
