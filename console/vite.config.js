// Builds the playground into dist/, where the Go package embeds it.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

const outDir = 'dist';

/**
 * Replaces every built file by its gzip, so that the binary carries about a
 * third of the bytes and the server sends them as they are. gzip's time field
 * is left at zero: equal sources give equal files.
 */
function compress() {
  return {
    name: 'compress',
    apply: 'build',
    async closeBundle() {
      const entries = await readdir(outDir, { recursive: true, withFileTypes: true });
      for (const entry of entries) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        const packed = gzipSync(await readFile(file), { level: constants.Z_BEST_COMPRESSION });
        await writeFile(`${file}.gz`, packed);
        await rm(file);
      }
      // Emptying dist/ took the tracked file that keeps the folder in git.
      await writeFile(join(outDir, '.keep'), '');
    },
  };
}

export default defineConfig({
  base: '/playground/',
  publicDir: false,
  plugins: [compress()],
  worker: { format: 'es' },
  build: {
    outDir,
    emptyOutDir: true,
    sourcemap: false,
    target: 'es2022',
    reportCompressedSize: false,
    // Monaco is one large chunk; splitting it would only add requests.
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      // Libraries mark files "use client" for servers that render React; here
      // all is client, and the notes would bury a warning that matters.
      onwarn(warning, warn) {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
});
