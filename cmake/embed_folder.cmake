# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C file, with every file of FOLDER as an array and the table of their names, bytes and
# media types that api/documents.h declares: cmake -DFOLDER=DIR -DOUTPUT=FILE -P embed_folder.cmake. The
# same files make the same C file.
set(media_html "text/html; charset=utf-8")
set(media_css "text/css; charset=utf-8")
set(media_js "text/javascript; charset=utf-8")
set(media_svg "image/svg+xml")

file(GLOB names RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT names)
set(arrays "")
set(rows "")
set(at 0)
foreach(name IN LISTS names)
  string(REGEX REPLACE ".*\\." "" suffix ${name})
  if(NOT DEFINED media_${suffix})
    message(FATAL_ERROR "${FOLDER}/${name}: no media type is known for .${suffix} (cmake/embed_folder.cmake)")
  endif()
  file(READ ${FOLDER}/${name} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n    " bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "/* ${name} */\nstatic const unsigned char bytes_${at}[] = {\n    ${bytes}\n};\n")
  string(APPEND rows "    {\"${name}\", bytes_${at}, sizeof bytes_${at}, \"${media_${suffix}}\"},\n")
  math(EXPR at "${at} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"api/documents.h\"\n
${arrays}
const struct document_file documents_dashboard[] = {
${rows}};
const size_t documents_dashboard_count = sizeof documents_dashboard / sizeof documents_dashboard[0];
")
