# urial_embed_files(<target> <namespace> <files...>): compiles files into the target as data. The generated header is
# "<namespace>_files.h" with `std::span<const EmbeddedFile> <namespace>_files()`, each {name, content}.
function(urial_embed_files target namespace)
    set(directory "${CMAKE_BINARY_DIR}/embedded/${target}")
    set(source "${directory}/${namespace}_files.cpp")
    set(header "${directory}/${namespace}_files.h")
    add_custom_command(
        OUTPUT "${source}" "${header}"
        COMMAND ${CMAKE_COMMAND} -DNAMESPACE=${namespace} "-DFILES=${ARGN}" "-DDIRECTORY=${directory}"
                -P "${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake"
        DEPENDS ${ARGN} "${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake"
                "${PROJECT_SOURCE_DIR}/cmake/embedded.h.in" "${PROJECT_SOURCE_DIR}/cmake/embedded.cpp.in"
        VERBATIM)
    target_sources(${target} PRIVATE "${source}")
    target_include_directories(${target} PRIVATE "${directory}")
endfunction()
