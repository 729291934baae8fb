# SPDX-License-Identifier: Apache-2.0
# What Debian wants of documents, done to the tree that is about to be packed: they are compressed, the
# licence is the common one, and there is a copyright and a changelog of the package.
set(doc ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/livectr)
set(source ${CPACK_LIVECTR_SOURCE_DIR}/packaging/deb)
file(REMOVE ${doc}/LICENSE)
file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
configure_file(${source}/copyright ${doc}/copyright COPYONLY)
configure_file(${source}/overrides
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/lintian/overrides/livectr COPYONLY)
configure_file(${source}/changelog ${doc}/changelog.Debian COPYONLY)
execute_process(COMMAND gzip -9n ${doc}/changelog ${doc}/changelog.Debian
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/man1/livectr.1 COMMAND_ERROR_IS_FATAL ANY)
