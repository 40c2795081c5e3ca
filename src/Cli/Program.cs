return Graft.Cli.Application.Run(args, Console.Out, Console.Error);
